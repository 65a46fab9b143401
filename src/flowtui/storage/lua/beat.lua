-- ARGV: lease in ms, instance (empty for none), what is known of it, owners. Renews the leases that are not over, and the
-- instance's in any case. Returns the owners whose lease is over, and what is known of every instance.
local lease_end = now_ms() + tonumber(ARGV[1])
local lost, instances = {}, {}
if ARGV[2] ~= '' then
  redis.call('ZADD', OWNERS, lease_end, ARGV[2])
  redis.call('HSET', INSTANCES, ARGV[2], ARGV[3])
  instances = redis.call('HVALS', INSTANCES)
end
for i = 4, #ARGV do
  if redis.call('ZSCORE', OWNERS, ARGV[i]) then
    redis.call('ZADD', OWNERS, lease_end, ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return {lost, instances}
