-- ARGV: queue, group (empty for what waits while nobody reads), target queue, target group (empty for all who read it),
-- most items. Moves waiting items from the head to the end of another list, as if they had never been handed out.
-- Returns how many, or NOGROUP if the target has no such group.
local queue, group, target, heir = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if heir ~= '' and redis.call('SISMEMBER', queue_key(target, 'groups'), heir) == 0 then return 'NOGROUP' end
local list, count = queue_key(queue, 'backlog'), queue_key(queue, 'count')
if group ~= '' then list, count = group_key(queue, group, 'ready'), group_key(queue, group, 'count') end
local items = redis.call('LRANGE', list, 0, tonumber(ARGV[5]) - 1)
if #items == 0 then return 0 end
redis.call('HINCRBY', count, 'moved_out', #items)
redis.call('LTRIM', list, #items, -1)
for i, item in ipairs(items) do items[i] = FIRST_TRY .. string.sub(item, 5) end
if heir ~= '' then
  push('RPUSH', group_key(target, heir, 'ready'), items)
  redis.call('HINCRBY', group_key(target, heir, 'count'), 'moved_in', #items)
else
  arrive(target, items, 'moved_in', 1)
end
made_room(queue, list)
redis.call('PUBLISH', BELL, target)
return #items
