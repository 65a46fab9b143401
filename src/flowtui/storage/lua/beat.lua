-- ARGV: lease in ms, owners. Renews the leases that are not over.
local lease_end = now_ms() + tonumber(ARGV[1])
for i = 2, #ARGV do
  if redis.call('ZSCORE', OWNERS, ARGV[i]) then redis.call('ZADD', OWNERS, lease_end, ARGV[i]) end
end
return {}
