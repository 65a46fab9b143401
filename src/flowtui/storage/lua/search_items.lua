-- ARGV: queue, group ('' for what came while nobody read), owner ('' for what waits), how many items at the end of the list
-- were looked at before, most items, most bytes, most hits, then the texts to look for, their letters small.
-- Looks backwards from the end: what is taken from the head meanwhile changes nothing about what is left to look at.
-- Returns the list's length, how many were looked at, and for each item that holds one of the texts how many stand before
-- it and its envelope.
local queue, group, owner, seen = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local most, most_bytes, most_hits = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local list = group == '' and queue_key(queue, 'backlog')
  or owner == '' and group_key(queue, group, 'ready') or run_key(queue, group, owner)
local length = redis.call('LLEN', list)
local looked, bytes, found = 0, 0, {}

local function holds(text)
  text = string.lower(text)
  for i = 8, #ARGV do
    if string.find(text, ARGV[i], 1, true) then return true end
  end
  return false
end

-- Whether a part of a name begins with one of the texts: somewhere in the middle of a made id any two digits stand.
local function names_it(names)
  names = string.lower(names)
  for i = 8, #ARGV do
    local at = string.find(names, ARGV[i], 1, true)
    while at do
      if at == 1 or not string.find(names, '^%w', at - 1) then return true end
      at = string.find(names, ARGV[i], at + 1, true)
    end
  end
  return false
end

-- Looks at the id, the trace and the payload; not at the origin, which many items have in common.
local function matches(envelope)
  local name, size, rest = reference(envelope)
  local names, start = string.match(envelope, '^([^\255]*\255[^\255]*)\255[^\255]*\255()', rest or STAMP_END + 1)
  bytes = bytes + (size or #envelope)
  if names_it(names) then return true end
  if not name then return holds(string.sub(envelope, start)) end
  return holds(redis.call('HGET', big_key(name), 'payload') or '')
end

local function is_enough() return looked >= most or bytes >= most_bytes or #found >= 2 * most_hits end

while not is_enough() and length - seen - looked > 0 do
  local last = length - seen - looked
  local chunk = redis.call('LRANGE', list, math.max(0, last - 32), last - 1)
  for i = #chunk, 1, -1 do
    if is_enough() then break end
    looked = looked + 1
    if matches(chunk[i]) then
      found[#found + 1] = last - #chunk + i - 1
      found[#found + 1] = chunk[i]
    end
  end
end
return {length, looked, unpack(found)}
