-- ARGV: run, attempt, record, how long to keep it in ms. Returns whether it was saved: not if a later attempt was.
local key = run_key_of(ARGV[1])
if tonumber(redis.call('HGET', key, 'attempt') or 0) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', key, 'attempt', ARGV[2], 'record', ARGV[3])
redis.call('HDEL', key, 'lost')
redis.call('PEXPIRE', key, ARGV[4])
redis.call('PUBLISH', BELL, 'run:' .. ARGV[1])
return 1
