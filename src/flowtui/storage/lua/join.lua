-- ARGV: owner, lease in ms, queue, group (both empty for an owner that reads no queue).
local owner, queue, group = ARGV[1], ARGV[3], ARGV[4]
local reads = redis.call('HMGET', owner_key(owner), 'queue', 'group')
if reads[1] and (reads[1] ~= queue or reads[2] ~= group) then return {'OTHER'} end
if redis.call('SISMEMBER', ENDING, owner) == 1 then end_owner(owner, math.huge) end
redis.call('ZADD', OWNERS, now_ms() + tonumber(ARGV[2]), owner)
redis.call('HSETNX', owner_key(owner), 'seq', 0)
if queue == '' then return {'OK'} end
redis.call('HSET', owner_key(owner), 'queue', queue, 'group', group)
redis.call('SADD', group_key(queue, group, 'owners'), owner)
if redis.call('SADD', queue_key(queue, 'groups'), group) == 1 then
  local adopted = 0
  if redis.call('SCARD', queue_key(queue, 'groups')) == 1 then
    adopted = redis.call('LLEN', queue_key(queue, 'backlog'))
    if adopted > 0 then redis.call('RENAME', queue_key(queue, 'backlog'), group_key(queue, group, 'ready')) end
  end
  local pushed = tonumber(redis.call('HGET', queue_key(queue, 'count'), 'pushed') or 0)
  -- A group answers for what was pushed since it first joined.
  redis.call('HSET', group_key(queue, group, 'count'), 'base', pushed - adopted)
end
return {'OK'}
