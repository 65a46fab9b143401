-- Stands in front of every script. KEYS[1] is the namespace in braces, so that all keys share one cluster slot.
-- Servers refuse writes for lack of memory only at a script's first write that may need memory; so each script makes
-- such a write before any other, and is done either wholly or not at all.
local ns = KEYS[1]
local OWNERS = ns .. ':owners'
local ENDING = ns .. ':ending'
local BELL = ns .. ':bell'
local FIRST_TRY = '0001'

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function owner_key(owner) return ns .. ':owner:' .. owner end
local function queue_key(queue, part) return ns .. ':q:' .. queue .. ':' .. part end
local function group_key(queue, group, part) return ns .. ':q:' .. queue .. ':' .. group .. ':' .. part end
local function run_key(queue, group, owner) return group_key(queue, group, 'run:' .. owner) end

-- A call that its sender gave up may still arrive, after later calls of the same owner. Calls carry growing numbers; one
-- that is older than what the owner has seen since must do nothing, or the owner's view of its items would be wrong.
local function is_late(owner, call)
  return tonumber(call) < tonumber(redis.call('HGET', owner_key(owner), 'call') or 0)
end

-- RPUSH or LPUSH of any number of values: a call takes no more than some thousand arguments.
local function push(command, key, values)
  for first = 1, #values, 500 do
    redis.call(command, key, unpack(values, first, math.min(first + 499, #values)))
  end
end

local function one_more_try(envelope)
  return string.format('%04d', math.min(tonumber(string.sub(envelope, 1, 4)) + 1, 9999)) .. string.sub(envelope, 5)
end

-- Moves what stands behind the first `keep` items in flight back to the head of its queue, in order; at most `limit`
-- from the end. Returns how many were moved.
local function put_back(queue, group, owner, keep, limit, redelivered)
  local run = run_key(queue, group, owner)
  local length = redis.call('LLEN', run)
  local count = math.min(length - keep, limit)
  if count <= 0 then return 0 end
  local items = redis.call('LRANGE', run, length - count, -1)
  local reversed = {}
  for i = count, 1, -1 do
    reversed[#reversed + 1] = redelivered and one_more_try(items[i]) or items[i]
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

-- Ends an owner: it is fenced at once, and at most `limit` of its items go back. It stays in ENDING until all have.
local function end_owner(owner, limit)
  redis.call('SADD', ENDING, owner)
  redis.call('ZREM', OWNERS, owner)
  local reads = redis.call('HMGET', owner_key(owner), 'queue', 'group')
  local moved = 0
  if reads[1] then
    moved = put_back(reads[1], reads[2], owner, 0, limit, true)
    if redis.call('EXISTS', run_key(reads[1], reads[2], owner)) == 1 then return moved, reads[1] end
    redis.call('SREM', group_key(reads[1], reads[2], 'owners'), owner)
  end
  redis.call('DEL', owner_key(owner))
  redis.call('SREM', ENDING, owner)
  return moved, reads[1]
end

-- Dead letters of a loop: `dead` holds their numbers in order, `letters` the letters, `fields` what each is grouped by.
-- A group (the JSON of loop, node, error and fingerprint) has its numbers under `dead`, its figures in three hashes.
local function letter_key(part, loop) return ns .. ':' .. part .. ':' .. loop end
local function group_of_letters(loop, fingerprint) return ns .. ':dead:' .. loop .. ':' .. fingerprint end

-- Files a letter; `message` and `at` (seconds since the epoch) are JSON. Returns its number.
local function file_letter(loop, fingerprint, field, message, at, letter)
  local number = redis.call('INCR', ns .. ':letter-number')
  redis.call('ZADD', letter_key('dead', loop), number, number)
  redis.call('ZADD', group_of_letters(loop, fingerprint), number, number)
  redis.call('HSET', letter_key('letters', loop), number, letter)
  redis.call('HSET', letter_key('fields', loop), number, fingerprint .. ' ' .. field)
  redis.call('HINCRBY', ns .. ':dead-groups', field, 1)
  redis.call('HSETNX', ns .. ':dead-first', field, at)
  redis.call('HSET', ns .. ':dead-latest', field, '[' .. message .. ',' .. at .. ']')
  return number
end

-- Removes a letter; returns whether it was there.
local function remove_letter(loop, number)
  local filed = redis.call('HGET', letter_key('fields', loop), number)
  if not filed then return false end
  local fingerprint, field = string.match(filed, '^(%S+) (.*)$')
  redis.call('HDEL', letter_key('letters', loop), number)
  redis.call('HDEL', letter_key('fields', loop), number)
  redis.call('ZREM', letter_key('dead', loop), number)
  redis.call('ZREM', group_of_letters(loop, fingerprint), number)
  if redis.call('HINCRBY', ns .. ':dead-groups', field, -1) <= 0 then
    for _, hash in ipairs({':dead-groups', ':dead-first', ':dead-latest'}) do redis.call('HDEL', ns .. hash, field) end
  end
  return true
end
