-- ARGV: queue, group. Removes a group that nobody reads for and that holds nothing.
-- Returns OK, or READ or HOLDS if there is something in the way.
local queue, group = ARGV[1], ARGV[2]
if redis.call('SCARD', group_key(queue, group, 'owners')) > 0 then return 'READ' end
if redis.call('LLEN', group_key(queue, group, 'ready')) > 0 then return 'HOLDS' end
redis.call('SREM', queue_key(queue, 'groups'), group)
redis.call('DEL', group_key(queue, group, 'count'), group_key(queue, group, 'owners'))
made_room(queue, group_key(queue, group, 'ready'))
if redis.call('SCARD', queue_key(queue, 'groups')) == 0 then
  -- What comes from now on is kept for the next reader, and counted from here.
  redis.call('HSET', queue_key(queue, 'count'), 'base', came_in(queue))
  redis.call('HDEL', queue_key(queue, 'count'), 'dropped', 'purged', 'moved_out')
end
return 'OK'
