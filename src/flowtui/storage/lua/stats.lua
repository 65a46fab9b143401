-- ARGV: queues. Returns for each: its counters, length of the backlog, its head's stamp, then for each group its name,
-- its counters, waiting, in flight, its head's stamp, how many owners it has, and of each its name, its
-- instance, how many items it has in flight, and what tells the first of them from others. A stamp is 0 if there is no head.
local QUEUE = {'pushed', 'injected', 'moved_in', 'base', 'dropped', 'purged', 'moved_out'}
local GROUP = {'base', 'moved_in', 'replayed', 'acknowledged', 'dead', 'dropped', 'purged', 'moved_out'}

-- When it was pushed and the beginning of its id, which is all of most ids.
local MARK_END = 64

local function stamp(list)
  local head = redis.call('LINDEX', list, 0)
  return head and string.sub(head, 5, 17) or '0'
end

-- Appends the figures of a hash, which may be without some, to a row.
local function add_counters(row, hash, names)
  local values, count = redis.call('HMGET', hash, unpack(names)), #row
  for i = 1, #names do row[count + i] = values[i] or '0' end
end

-- Returns how many items of a group are in flight, and who has how many.
local function holders_of(queue, group, owners)
  local in_flight, holders = 0, {}
  for _, owner in ipairs(owners) do
    local run = run_key(queue, group, owner)
    local held, first = redis.call('LLEN', run), ''
    if held > 0 then first = string.sub(redis.call('LINDEX', run, 0), 5, MARK_END) end
    in_flight = in_flight + held
    holders[#holders + 1] = {owner, redis.call('HGET', owner_key(owner), 'instance') or '', held, first}
  end
  return in_flight, holders
end

local reply = {}
for _, queue in ipairs(ARGV) do
  local backlog = queue_key(queue, 'backlog')
  local row = {}
  add_counters(row, queue_key(queue, 'count'), QUEUE)
  row[#row + 1] = redis.call('LLEN', backlog)
  row[#row + 1] = stamp(backlog)
  for _, group in ipairs(redis.call('SMEMBERS', queue_key(queue, 'groups'))) do
    local ready = group_key(queue, group, 'ready')
    local owners = redis.call('SMEMBERS', group_key(queue, group, 'owners'))
    local in_flight, holders = holders_of(queue, group, owners)
    row[#row + 1] = group
    add_counters(row, group_key(queue, group, 'count'), GROUP)
    local size = #row
    row[size + 1], row[size + 2], row[size + 3] = redis.call('LLEN', ready), in_flight, stamp(ready)
    row[size + 4], row[size + 5] = #owners, holders
  end
  reply[#reply + 1] = row
end
return reply
