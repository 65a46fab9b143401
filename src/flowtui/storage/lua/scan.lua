-- ARGV: queue, group (empty for what waits while nobody reads), index of the waiting item to begin with, how many had
-- left the list when it stood there (empty if that is not known), 1 to look at what is in flight too, most waiting items
-- to return, most to look at, how many bytes of a payload to return (-1 for all), how to choose: all, text (in lower
-- case in id or payload) or id; then the texts, one of which an item must hold.
-- Changes nothing. Returns the index of the next item, how many have left the list, how many it holds, how many were
-- looked at, and a list with, of each item found: its owner (empty if it waits), its index, its payload's size, and its envelope
-- with as much of the payload as was asked for.
local queue, group, index, known, held = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local most_found, most_looked, cut, how = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
local texts = {unpack(ARGV, 10)}
-- Every other call waits meanwhile, so the rest is left for the next one.
local MOST_BYTES = 1000000
local MOST_IN_FLIGHT = 200

-- Returns id, payload, its size, and all that stands in front of it, for an envelope that holds its payload.
local function parts(envelope)
  local name, size, first = reference(envelope)
  first = first or STAMP_END + 1
  local id_end = string.find(envelope, '\255', first, true)
  local trace_end = string.find(envelope, '\255', id_end + 1, true)
  local head_end = string.find(envelope, '\255', trace_end + 1, true)
  local head = string.sub(envelope, 1, STAMP_END) .. string.sub(envelope, first, head_end)
  local payload = string.sub(envelope, head_end + 1)
  if name then
    local is_needed = how == 'text' or cut < 0
    payload = is_needed and redis.call('HGET', big_key(name), 'payload') or ''
  end
  return string.sub(envelope, first, id_end - 1), payload, size or #payload, head
end

local function is_chosen(id, payload)
  if how == 'all' then return true end
  if how == 'id' then return id == texts[1] end
  id, payload = string.lower(id), string.lower(payload)
  for _, text in ipairs(texts) do
    if string.find(id, text, 1, true) or string.find(payload, text, 1, true) then return true end
  end
  return false
end

local items, bytes = {}, 0

-- Returns whether the item is one of those that are looked for.
local function look(envelope, owner, place)
  local id, payload, size, head = parts(envelope)
  bytes = bytes + #head + #payload
  if not is_chosen(id, payload) then return false end
  if cut >= 0 then payload = string.sub(payload, 1, cut) end
  for _, value in ipairs({owner, place, size, head .. payload}) do items[#items + 1] = value end
  return true
end

local list, counter = queue_key(queue, 'backlog'), queue_key(queue, 'count')
local gone, left = {'dropped', 'purged', 'moved_out'}, 0
if group ~= '' then
  list, counter = group_key(queue, group, 'ready'), group_key(queue, group, 'count')
  gone = {'acknowledged', 'dead', 'dropped', 'purged', 'moved_out'}
  for _, owner in ipairs(redis.call('SMEMBERS', group_key(queue, group, 'owners'))) do
    local run = run_key(queue, group, owner)
    left = left + redis.call('LLEN', run)
    if held == '1' then
      for _, envelope in ipairs(redis.call('LRANGE', run, 0, MOST_IN_FLIGHT - 1)) do
        if #items < 4 * MOST_IN_FLIGHT and bytes < MOST_BYTES then look(envelope, owner, 0) end
      end
    end
  end
end
for _, count in ipairs(redis.call('HMGET', counter, unpack(gone))) do left = left + tonumber(count or 0) end

local length, looked, found = redis.call('LLEN', list), 0, 0
index = math.max(0, index - (known and left - known or 0))
bytes = 0
while index < length and found < most_found and looked < most_looked and bytes < MOST_BYTES do
  -- Few at first: what is big must not be read for nothing.
  local step = looked > 0 and bytes < 2000 * looked and 128 or 8
  local chunk = redis.call('LRANGE', list, index, index + math.min(step, most_looked - looked) - 1)
  for _, envelope in ipairs(chunk) do
    if found >= most_found or bytes >= MOST_BYTES then break end
    if look(envelope, '', index) then found = found + 1 end
    index, looked = index + 1, looked + 1
  end
end
return {index, left, length, looked, items}
