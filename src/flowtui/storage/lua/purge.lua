-- ARGV: queue, group (empty for what waits while nobody reads), most items. Drops waiting items by hand, at most as many
-- as asked, from the head. Returns how many.
local queue, group = ARGV[1], ARGV[2]
local list, count = queue_key(queue, 'backlog'), queue_key(queue, 'count')
if group ~= '' then list, count = group_key(queue, group, 'ready'), group_key(queue, group, 'count') end
local purged = math.min(redis.call('LLEN', list), tonumber(ARGV[3]))
if purged == 0 then return 0 end
redis.call('HINCRBY', count, 'purged', purged)
forget_head(list, purged)
made_room(queue, list)
return purged
