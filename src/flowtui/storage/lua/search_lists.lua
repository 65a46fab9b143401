-- ARGV: queues. Returns of each list that holds items: queue, group ('' while nobody reads), owner ('' for what waits) and
-- length; those in flight first.
local flying, waiting = {}, {}
local function add(rows, key, queue, group, owner)
  local length = redis.call('LLEN', key)
  if length > 0 then rows[#rows + 1] = {queue, group, owner, length} end
end
for _, queue in ipairs(ARGV) do
  add(waiting, queue_key(queue, 'backlog'), queue, '', '')
  for _, group in ipairs(redis.call('SMEMBERS', queue_key(queue, 'groups'))) do
    add(waiting, group_key(queue, group, 'ready'), queue, group, '')
    for _, owner in ipairs(redis.call('SMEMBERS', group_key(queue, group, 'owners'))) do
      add(flying, run_key(queue, group, owner), queue, group, owner)
    end
  end
end
for _, row in ipairs(waiting) do flying[#flying + 1] = row end
return flying
