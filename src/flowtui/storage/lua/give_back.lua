-- ARGV: owner, queue, group, how many at the head of the in-flight list to keep, call. Returns how many went back.
local owner = ARGV[1]
if not redis.call('ZSCORE', OWNERS, owner) or is_late(owner, ARGV[5]) then return 0 end
redis.call('HSET', owner_key(owner), 'call', ARGV[5])
return put_back(ARGV[2], ARGV[3], owner, tonumber(ARGV[4]), math.huge, false)
