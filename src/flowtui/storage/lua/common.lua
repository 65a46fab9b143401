-- Stands in front of every script. KEYS[1] is the namespace in braces, so that all keys share one cluster slot.
-- Servers refuse writes for lack of memory only at a script's first write that may need memory; so each script makes
-- such a write before any other, and is done either wholly or not at all.
local ns = KEYS[1]
local OWNERS = ns .. ':owners'
local ENDING = ns .. ':ending'
local BELL = ns .. ':bell'
local INSTANCES = ns .. ':instances'
local FIRST_TRY = '0001'
-- For how long a name is kept after its owner was ended, and after it has left, which only calls that are under way can
-- come behind.
local WEEK_MS = 604800000
local HOUR_MS = 3600000

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function owner_key(owner) return ns .. ':owner:' .. owner end
local function queue_key(queue, part) return ns .. ':q:' .. queue .. ':' .. part end
local function group_key(queue, group, part) return ns .. ':q:' .. queue .. ':' .. group .. ':' .. part end
local function run_key(queue, group, owner) return group_key(queue, group, 'run:' .. owner) end
local function loop_key(loop) return ns .. ':loop:' .. loop end
local function requests_key(instance) return ns .. ':requests:' .. instance end
local function seen_key(key) return ns .. ':seen:' .. key end
local function run_key_of(id) return ns .. ':run:' .. id end

-- A call that its sender gave up may still arrive, after later calls of the same owner. Calls carry growing numbers; one
-- that is older than what the owner has seen since must do nothing, or the owner's view of its items would be wrong.
local function is_late(owner, call)
  return tonumber(call) < tonumber(redis.call('HGET', owner_key(owner), 'call') or 0)
end

-- How many items ever came into a queue, whatever became of them.
local function came_in(queue)
  local came = 0
  for _, count in ipairs(redis.call('HMGET', queue_key(queue, 'count'), 'pushed', 'injected', 'moved_in')) do
    came = came + tonumber(count or 0)
  end
  return came
end

-- RPUSH or LPUSH of any number of values: a call takes no more than some thousand arguments.
local function push(command, key, values)
  for first = 1, #values, 500 do
    redis.call(command, key, unpack(values, first, math.min(first + 499, #values)))
  end
end

local function tries(envelope) return tonumber(string.sub(envelope, 1, 4)) end
local function one_more_try(envelope)
  return string.format('%04d', math.min(tries(envelope) + 1, 9999)) .. string.sub(envelope, 5)
end

-- A big payload is stored once, under a name, and its envelopes refer to it: byte 254, name and size stand in front of
-- the rest.
-- Returns name, size and where the rest begins, or nothing.
local STAMP_END = 17
local function reference(envelope)
  if string.byte(envelope, STAMP_END + 1) ~= 254 then return nil end
  local _, last, name, size = string.find(envelope, '^(%S+) (%d+) ', STAMP_END + 2)
  return name, tonumber(size), last + 1
end
local function big_key(name) return ns .. ':big:' .. name end

-- One of the envelopes that refer to this payload is gone; with the last one the payload goes.
local function release(name)
  if redis.call('HINCRBY', big_key(name), 'refs', -1) > 0 then return end
  redis.call('DEL', big_key(name))
  redis.call('DECR', ns .. ':bigs')
end

local function release_all(envelopes)
  for _, envelope in ipairs(envelopes) do
    local name = reference(envelope)
    if name then release(name) end
  end
end

-- Shortens a list by `count` items at its head, whose big payloads nobody needs any more.
local function forget_head(list, count)
  if tonumber(redis.call('GET', ns .. ':bigs') or 0) > 0 then
    release_all(redis.call('LRANGE', list, 0, count - 1))
  end
  redis.call('LTRIM', list, count, -1)
end

-- Writers wait until a list is no fuller than this part of its bound.
local ENOUGH_ROOM = 0.75

-- Writers that found no room in a list look again when it holds no more than was noted then: a good part of it is free,
-- so that they do not come for each place. Returns whether they shall.
local function made_room(queue, list)
  local enough = redis.call('HGET', ns .. ':full', list)
  if not enough or redis.call('LLEN', list) > tonumber(enough) then return false end
  redis.call('HDEL', ns .. ':full', list)
  redis.call('PUBLISH', BELL, queue .. ':room')
  return true
end

-- Every list that an item of a queue goes to: its key, its group, and the hash that counts for it.
local function lists_of(queue)
  local lists = {}
  for _, group in ipairs(redis.call('SMEMBERS', queue_key(queue, 'groups'))) do
    lists[#lists + 1] = {group_key(queue, group, 'ready'), group, group_key(queue, group, 'count')}
  end
  if #lists == 0 then lists[1] = {queue_key(queue, 'backlog'), '', queue_key(queue, 'count')} end
  return lists
end

-- Whether all who read a queue for a group hear of a push without a bell, as they live in the process that pushes. A
-- group without owners may have one that was ended and does not know it.
local function is_heard(queue, group, process)
  local owners = redis.call('SMEMBERS', group_key(queue, group, 'owners'))
  for _, owner in ipairs(owners) do
    if redis.call('HGET', owner_key(owner), 'process') ~= process then return false end
  end
  return #owners > 0
end

-- Puts items at the end of a queue for all who read it; `known` is how many references to big payloads are counted.
local function arrive(queue, items, counter, known)
  local lists = lists_of(queue)
  redis.call('HINCRBY', queue_key(queue, 'count'), counter, #items)
  redis.call('SADD', ns .. ':queues', queue)
  for _, list in ipairs(lists) do push('RPUSH', list[1], items) end
  for _, item in ipairs(items) do
    local name = reference(item)
    if name and #lists ~= known then redis.call('HINCRBY', big_key(name), 'refs', #lists - known) end
  end
end

-- Moves items from the head of a queue into the owner's in-flight list and returns them.
-- In small steps, so that big items behind the byte cap are not read for nothing.
local function head_of(ready, limit, most_bytes)
  local items, bytes = {}, 0
  while #items < limit do
    local chunk = redis.call('LRANGE', ready, #items, math.min(#items + 64, limit) - 1)
    if #chunk == 0 then return items end
    for _, item in ipairs(chunk) do
      -- A redelivered item travels alone: if it kills its reader again, no other item pays for it.
      local redelivered = string.sub(item, 1, 4) ~= FIRST_TRY
      local _, size = reference(item)
      bytes = bytes + (size or #item)
      if #items > 0 and (redelivered or bytes > most_bytes) then return items end
      items[#items + 1] = item
      if redelivered then return items end
    end
  end
  return items
end

local function take(owner, queue, group, limit, most_bytes, call)
  local ready = group_key(queue, group, 'ready')
  local items = head_of(ready, limit, most_bytes)
  if #items > 0 then
    redis.call('HSET', owner_key(owner), 'call', call)
    push('RPUSH', run_key(queue, group, owner), items)
    redis.call('LTRIM', ready, #items, -1)
  end
  return items, #items > 0 and made_room(queue, ready)
end

-- Dead letters of a loop: `dead` holds their numbers in order, `letters` the letters, `fields` what each is grouped by,
-- `marks` the traces of the items by which some are replayed now, `notes` why the last replay could not run one, `edits`
-- how often one was edited. A group (the JSON of loop, node, error and fingerprint) has its numbers under `dead` too, and
-- what it is shown by in two hashes; its count is that of its numbers.
local function letter_key(part, loop) return ns .. ':' .. part .. ':' .. loop end
local function group_of_letters(loop, fingerprint) return ns .. ':dead:' .. loop .. ':' .. fingerprint end

-- Files a letter; `message` and `at` (seconds since the epoch) are JSON. Returns its number.
local function file_letter(loop, fingerprint, field, message, at, letter)
  local number = redis.call('INCR', ns .. ':letter-number')
  redis.call('ZADD', letter_key('dead', loop), number, number)
  redis.call('ZADD', group_of_letters(loop, fingerprint), number, number)
  redis.call('HSET', letter_key('letters', loop), number, letter)
  redis.call('HSET', letter_key('fields', loop), number, fingerprint .. ' ' .. field)
  redis.call('HSETNX', ns .. ':dead-first', field, at)
  redis.call('HSET', ns .. ':dead-latest', field, '[' .. message .. ',' .. at .. ']')
  return number
end

-- Removes a letter; returns whether it was there. Servers do this for lack of memory too, as it only removes.
local function remove_letter(loop, number)
  local filed = redis.call('HGET', letter_key('fields', loop), number)
  if not filed then return false end
  local fingerprint, field = string.match(filed, '^(%S+) (.*)$')
  for _, part in ipairs({'letters', 'fields', 'marks', 'notes', 'edits'}) do
    redis.call('HDEL', letter_key(part, loop), number)
  end
  redis.call('ZREM', letter_key('dead', loop), number)
  redis.call('ZREM', group_of_letters(loop, fingerprint), number)
  if redis.call('EXISTS', group_of_letters(loop, fingerprint)) == 0 then
    redis.call('HDEL', ns .. ':dead-first', field)
    redis.call('HDEL', ns .. ':dead-latest', field)
  end
  return true
end

-- An item that was handed out too often becomes a dead letter: a body that begins with P, the time in ms, and the
-- whole envelope, since a script must not touch JSON.
local function give_up_on(envelope, owner, queue, group)
  local name, _, rest = reference(envelope)
  if name then
    envelope = string.sub(envelope, 1, STAMP_END) .. string.sub(envelope, rest)
      .. (redis.call('HGET', big_key(name), 'payload') or '')
    release(name)
  end
  local now = now_ms()
  local told = redis.call('HMGET', owner_key(owner), 'poison', 'poison_field', 'poison_message')
  local at = string.format('%.3f', now / 1000)
  local number = file_letter(group, told[1], told[2], told[3], at, 'P' .. string.format('%013.0f', now) .. envelope)
  -- Should it be a run of a trigger, whoever follows that shall hear of it; other items have no such record.
  local id = string.match(envelope, '^[^\255]*', STAMP_END + 1)
  if string.sub(queue, 1, 9) == '~trigger.' and redis.call('EXISTS', run_key_of(id)) == 1 then
    redis.call('HSET', run_key_of(id), 'lost', number)
    redis.call('PUBLISH', BELL, 'run:' .. id)
  end
  redis.call('HINCRBY', group_key(queue, group, 'count'), 'dead', 1)
end

-- Moves what stands behind the first `keep` items in flight back to the head of its queue, in order; at most `limit`
-- from the end. Returns how many were moved.
local function put_back(queue, group, owner, keep, limit, redelivered)
  local run = run_key(queue, group, owner)
  local length = redis.call('LLEN', run)
  local count = math.min(length - keep, limit)
  if count <= 0 then return 0 end
  local items = redis.call('LRANGE', run, length - count, -1)
  local most = redelivered and tonumber(redis.call('HGET', owner_key(owner), 'deliveries') or 0) or 0
  local reversed = {}
  for i = count, 1, -1 do
    if most > 0 and tries(items[i]) >= most then
      give_up_on(items[i], owner, queue, group)
    else
      reversed[#reversed + 1] = redelivered and one_more_try(items[i]) or items[i]
    end
  end
  push('LPUSH', group_key(queue, group, 'ready'), reversed)
  if count == length then
    redis.call('DEL', run)
  else
    redis.call('LTRIM', run, 0, length - count - 1)
  end
  redis.call('PUBLISH', BELL, queue)
  return count
end

-- Whether an owner has ended or left: its name is never used again, so a call that gives it a lease comes late.
local function is_gone(owner)
  return not redis.call('ZSCORE', OWNERS, owner) and redis.call('EXISTS', owner_key(owner)) == 1
end

-- Gives an owner that is not gone its lease, or renews it.
local function give_lease(owner, lease_ms)
  redis.call('ZADD', OWNERS, now_ms() + tonumber(lease_ms), owner)
  redis.call('HSETNX', owner_key(owner), 'seq', 0)
end

-- Removes all that is kept of an owner that has no items any more, but for its name and which commit was its last: if it
-- comes back in doubt about that one it must not do it again. The loop that it alone was allowed to run is free now;
-- returns the bell for it, or an empty text.
local function forget(owner, kept_ms)
  local bell, loop = '', redis.call('HGET', owner_key(owner), 'loop')
  if loop and redis.call('HGET', loop_key(loop), 'owner') == owner then
    redis.call('HDEL', loop_key(loop), 'owner', 'instance')
    bell = 'loop:' .. loop
    redis.call('PUBLISH', BELL, bell)
  end
  local last = redis.call('HGET', owner_key(owner), 'seq') or 0
  redis.call('DEL', owner_key(owner), requests_key(owner))
  redis.call('HDEL', INSTANCES, owner)
  -- One that cannot be kept for lack of memory does no harm as long as that lasts: no owner gets a lease then.
  redis.pcall('HSET', owner_key(owner), 'seq', last)
  redis.call('PEXPIRE', owner_key(owner), kept_ms)
  return bell
end

-- Ends an owner: it is fenced at once, and at most `limit` of its items go back. It stays in ENDING until all have.
-- Returns how many were moved and the bells to ring.
local function end_owner(owner, limit)
  redis.call('SADD', ENDING, owner)
  redis.call('ZREM', OWNERS, owner)
  local reads = redis.call('HMGET', owner_key(owner), 'queue', 'group')
  local moved, bells = 0, {}
  if reads[1] then
    moved = put_back(reads[1], reads[2], owner, 0, limit, true)
    if moved > 0 then bells[1] = reads[1] end
    if redis.call('EXISTS', run_key(reads[1], reads[2], owner)) == 1 then return moved, bells end
    redis.call('SREM', group_key(reads[1], reads[2], 'owners'), owner)
  end
  local bell = forget(owner, WEEK_MS)
  if bell ~= '' then bells[#bells + 1] = bell end
  redis.call('SREM', ENDING, owner)
  return moved, bells
end
