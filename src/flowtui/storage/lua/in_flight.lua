-- ARGV: owner, queue, group, call. Returns the envelopes in flight; no earlier call can change them after that.
if redis.call('ZSCORE', OWNERS, ARGV[1]) then redis.call('HSET', owner_key(ARGV[1]), 'call', ARGV[4]) end
return redis.call('LRANGE', run_key(ARGV[2], ARGV[3], ARGV[1]), 0, -1)
