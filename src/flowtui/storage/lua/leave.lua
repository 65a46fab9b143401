-- ARGV: owner. Gives everything back, uncounted, and forgets the owner; nothing if its lease has ended.
local owner = ARGV[1]
if not redis.call('ZSCORE', OWNERS, owner) then return 0 end
local reads = redis.call('HMGET', owner_key(owner), 'queue', 'group')
local moved = 0
if reads[1] then
  moved = put_back(reads[1], reads[2], owner, 0, math.huge, false)
  redis.call('SREM', group_key(reads[1], reads[2], 'owners'), owner)
end
redis.call('ZREM', OWNERS, owner)
redis.call('DEL', owner_key(owner))
return moved
