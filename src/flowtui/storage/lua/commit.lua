-- ARGV: owner, seq, queue, group, items acknowledged, how many of them died, loop of the cursor, cursor,
-- most items to fetch then (0 for none), most bytes, call; whether to push beyond bounds (no, empty: to an empty list, yes),
-- who hears of its pushes without a bell;
-- number of queues pushed to; for each: queue, its bound (0 for none), what to do when it is full,
--   number of big payloads; for each: name, payload; number of items; items;
-- number of letters; for each: loop, fingerprint, grouping field, message, time of failure, letter;
-- number of letters to remove; for each: loop, number;
-- number of keys; for each: key, item, how long it counts in ms.
-- Returns OK (or ROOM, as fetch does), how many letters the loop has if some were filed (else 0) and what was fetched, or FULL, the queue, the group
-- and the room there, or another refusal.
local owner, seq = ARGV[1], tonumber(ARGV[2])
local queue, group, acknowledged, died = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local last = tonumber(redis.call('HGET', owner_key(owner), 'seq') or 0)
if seq <= last then return {'OK'} end
if not redis.call('ZSCORE', OWNERS, owner) then return {'FENCED'} end
if seq ~= last + 1 then return {'GAP', last} end
local run = run_key(queue, group, owner)
if acknowledged > 0 then
  local in_flight = redis.call('LLEN', run)
  if in_flight < acknowledged then return {'SHORT', in_flight} end
end

local at = 14
local function argument()
  at = at + 1
  return ARGV[at]
end

local pushes = {}
for i = 1, tonumber(ARGV[14]) do
  local each = {queue = argument(), most = tonumber(argument()), on_full = argument(), bigs = {}, items = {}}
  for n = 1, tonumber(argument()) do each.bigs[n] = {argument(), argument()} end
  for n = 1, tonumber(argument()) do each.items[n] = argument() end
  each.lists = lists_of(each.queue)
  pushes[i] = each
end

local beyond = ARGV[12]
for _, each in ipairs(pushes) do
  if each.most > 0 and beyond ~= 'yes' and (each.on_full == 'wait' or each.on_full == 'dead_letter') then
    for _, list in ipairs(each.lists) do
      local length = redis.call('LLEN', list[1])
      if length + #each.items > each.most and not (beyond == 'empty' and length == 0) then
        redis.call('HSET', ns .. ':full', list[1], math.floor(each.most * ENOUGH_ROOM))
        return {'FULL', each.queue, list[2], math.max(0, each.most - length)}
      end
    end
  end
end

redis.call('HSET', owner_key(owner), 'seq', ARGV[2])
if acknowledged > 0 then
  forget_head(run, acknowledged)
  local count = group_key(queue, group, 'count')
  if acknowledged > died then redis.call('HINCRBY', count, 'acknowledged', acknowledged - died) end
  if died > 0 then redis.call('HINCRBY', count, 'dead', died) end
end
if ARGV[7] ~= '' then redis.call('SET', ns .. ':cursor:' .. ARGV[7], ARGV[8]) end

local stamp = FIRST_TRY .. string.format('%013.0f', now_ms())

-- Pushes to one list and drops what its bound does not allow.
local function deliver(each, list)
  local items, dropped = each.items, 0
  local room = each.most > 0 and math.max(0, each.most - redis.call('LLEN', list[1])) or #items
  if each.on_full == 'drop_new' and room < #items then
    local kept, refused = {}, {}
    for i, item in ipairs(items) do table.insert(i <= room and kept or refused, item) end
    items, dropped = kept, #refused
    release_all(refused)
  end
  push('RPUSH', list[1], items)
  if each.on_full == 'drop_oldest' and room < #items then
    dropped = #items - room
    forget_head(list[1], dropped)
  end
  if dropped > 0 then redis.call('HINCRBY', list[3], 'dropped', dropped) end
end

for _, each in ipairs(pushes) do
  for _, big in ipairs(each.bigs) do
    redis.call('HSET', big_key(big[1]), 'payload', big[2], 'refs', #each.lists)
    redis.call('INCR', ns .. ':bigs')
  end
  for i, item in ipairs(each.items) do each.items[i] = stamp .. item end
  for _, list in ipairs(each.lists) do deliver(each, list) end
  redis.call('HINCRBY', queue_key(each.queue, 'count'), 'pushed', #each.items)
  redis.call('SADD', ns .. ':queues', each.queue)
  for _, list in ipairs(each.lists) do
    if not is_heard(each.queue, list[2], ARGV[13]) then
      redis.call('PUBLISH', BELL, each.queue)
      break
    end
  end
end

local filed_for
for _ = 1, tonumber(argument()) do
  filed_for = ARGV[at + 1]
  file_letter(unpack(ARGV, at + 1, at + 6))
  at = at + 6
end
for _ = 1, tonumber(argument()) do remove_letter(argument(), argument()) end
for _ = 1, tonumber(argument()) do
  local key, item = argument(), argument()
  redis.call('SET', seen_key(key), ' ' .. item, 'PX', argument())
end

local reply = {'OK', filed_for and redis.call('ZCARD', letter_key('dead', filed_for)) or 0}
if tonumber(ARGV[9]) > 0 then
  local items, room = take(owner, queue, group, tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11])
  for _, item in ipairs(items) do reply[#reply + 1] = item end
  if room then reply[1] = 'ROOM' end
end
return reply
