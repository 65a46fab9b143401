-- ARGV: owner, '1' if it has completed the loop that it alone was allowed to run. Gives everything back, uncounted, and
-- forgets the owner; of one without lease only its name is noted, as the call that gives it one may come late. Returns
-- the bell to ring for those who stand by, or an empty text.
local owner = ARGV[1]
if is_gone(owner) then return '' end
local reads = redis.call('HMGET', owner_key(owner), 'queue', 'group', 'loop')
if reads[3] and ARGV[2] == '1' then
  redis.call('HINCRBY', loop_key(reads[3]), 'completed', 1)
  redis.call('HSET', loop_key(reads[3]), 'by', redis.call('HGET', loop_key(reads[3]), 'instance'))
end
if reads[1] then
  put_back(reads[1], reads[2], owner, 0, math.huge, false)
  redis.call('SREM', group_key(reads[1], reads[2], 'owners'), owner)
end
redis.call('ZREM', OWNERS, owner)
return forget(owner, HOUR_MS)
