-- ARGV: owner, lease in ms, queue, group (both empty for an owner that reads no queue), and of one that reads:
-- how often an item may be handed out (0 for any number), fingerprint, grouping field and message of the dead letter then;
-- the process that it lives in, and the instance that this belongs to.
-- Returns OK; OTHER if it has joined for another queue; FENCED if it has ended or left.
local owner, queue, group = ARGV[1], ARGV[3], ARGV[4]
if is_gone(owner) then return {'FENCED'} end
local reads = redis.call('HMGET', owner_key(owner), 'queue', 'group')
if reads[1] and (reads[1] ~= queue or reads[2] ~= group) then return {'OTHER'} end
give_lease(owner, ARGV[2])
if queue == '' then return {'OK'} end
redis.call('HSET', owner_key(owner), 'queue', queue, 'group', group, 'deliveries', ARGV[5], 'poison', ARGV[6],
  'poison_field', ARGV[7], 'poison_message', ARGV[8],
  'process', ARGV[9], 'instance', ARGV[10])
redis.call('SADD', ns .. ':queues', queue)
redis.call('SADD', group_key(queue, group, 'owners'), owner)
if redis.call('SADD', queue_key(queue, 'groups'), group) == 1 then
  local adopted = 0
  if redis.call('SCARD', queue_key(queue, 'groups')) == 1 then
    adopted = redis.call('LLEN', queue_key(queue, 'backlog'))
    if adopted > 0 then redis.call('RENAME', queue_key(queue, 'backlog'), group_key(queue, group, 'ready')) end
    made_room(queue, queue_key(queue, 'backlog'))
  end
  -- A group answers for what has come since it first joined.
  redis.call('HSET', group_key(queue, group, 'count'), 'base', came_in(queue) - adopted)
end
return {'OK'}
