-- ARGV: queues. Returns for each: its counters, length of the backlog, its head's stamp, then for each group its name,
-- its counters, waiting, in flight, its head's stamp and its owners. A stamp is 0 if there is no head.
local QUEUE = {'pushed', 'injected', 'moved_in', 'base', 'dropped', 'purged', 'moved_out'}
local GROUP = {'base', 'moved_in', 'replayed', 'acknowledged', 'dead', 'dropped', 'purged', 'moved_out'}

local function stamp(list)
  local head = redis.call('LINDEX', list, 0)
  return head and string.sub(head, 5, 17) or '0'
end

local reply = {}
for _, queue in ipairs(ARGV) do
  local backlog = queue_key(queue, 'backlog')
  local row = {}
  local function add(...)
    for _, value in ipairs({...}) do row[#row + 1] = value end
  end
  local function counters(hash, names)
    local values = redis.call('HMGET', hash, unpack(names))
    for i = 1, #names do add(values[i] or '0') end
  end
  counters(queue_key(queue, 'count'), QUEUE)
  add(redis.call('LLEN', backlog), stamp(backlog))
  for _, group in ipairs(redis.call('SMEMBERS', queue_key(queue, 'groups'))) do
    local ready, in_flight = group_key(queue, group, 'ready'), 0
    local owners = redis.call('SMEMBERS', group_key(queue, group, 'owners'))
    for _, owner in ipairs(owners) do in_flight = in_flight + redis.call('LLEN', run_key(queue, group, owner)) end
    add(group)
    counters(group_key(queue, group, 'count'), GROUP)
    add(redis.call('LLEN', ready), in_flight, stamp(ready), #owners)
  end
  reply[#reply + 1] = row
end
return reply
