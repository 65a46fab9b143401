-- ARGV: queue, item. Puts an item at the end of a queue by hand, whatever its bound.
arrive(ARGV[1], {FIRST_TRY .. string.format('%013.0f', now_ms()) .. ARGV[2]}, 'injected', 0)
redis.call('PUBLISH', BELL, ARGV[1])
return {}
