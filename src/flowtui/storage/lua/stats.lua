-- ARGV: queues. Returns for each: pushed, length of the backlog, its head's stamp, then for each group
-- its name, base, acknowledged, dead, waiting, in flight and its head's stamp. A stamp is 0 if there is no head.
local function stamp(list)
  local head = redis.call('LINDEX', list, 0)
  return head and string.sub(head, 5, 17) or '0'
end

local reply = {}
for _, queue in ipairs(ARGV) do
  local backlog = queue_key(queue, 'backlog')
  local pushed = redis.call('HGET', queue_key(queue, 'count'), 'pushed') or '0'
  local row = {pushed, redis.call('LLEN', backlog), stamp(backlog)}
  for _, group in ipairs(redis.call('SMEMBERS', queue_key(queue, 'groups'))) do
    local count = redis.call('HMGET', group_key(queue, group, 'count'), 'base', 'acknowledged', 'dead')
    local ready = group_key(queue, group, 'ready')
    local in_flight = 0
    for _, owner in ipairs(redis.call('SMEMBERS', group_key(queue, group, 'owners'))) do
      in_flight = in_flight + redis.call('LLEN', run_key(queue, group, owner))
    end
    row[#row + 1] = group
    for i = 1, 3 do row[#row + 1] = count[i] or '0' end
    row[#row + 1] = redis.call('LLEN', ready)
    row[#row + 1] = in_flight
    row[#row + 1] = stamp(ready)
  end
  reply[#reply + 1] = row
end
return reply
