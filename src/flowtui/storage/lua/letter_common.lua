-- Stands between common.lua and every script for dead letters.

-- All that is known of a letter: loop, number, what it is grouped by, mark, note, edits, letter; nothing if it is gone.
local function letter_row(loop, number)
  local letter = redis.call('HGET', letter_key('letters', loop), number)
  if not letter then return {} end
  local row = {loop, number}
  for _, part in ipairs({'fields', 'marks', 'notes', 'edits'}) do
    row[#row + 1] = redis.call('HGET', letter_key(part, loop), number) or ''
  end
  row[#row + 1] = letter
  return row
end

-- Letters that are to be run again wait as items of a queue of their loop, which reads it in a group of its own name.
local function replay_queue(loop) return '~replay.' .. loop end

-- How many replays of a loop wait, and how many are in flight.
local function replays(loop)
  local queue = replay_queue(loop)
  local waiting = redis.call('LLEN', queue_key(queue, 'backlog')) + redis.call('LLEN', group_key(queue, loop, 'ready'))
  local in_flight = 0
  for _, owner in ipairs(redis.call('SMEMBERS', group_key(queue, loop, 'owners'))) do
    in_flight = in_flight + redis.call('LLEN', run_key(queue, loop, owner))
  end
  return waiting, in_flight
end

-- Takes away the marks of items that are no longer there, as their queue was purged.
local function sweep_marks(loop)
  if redis.call('EXISTS', letter_key('marks', loop)) == 0 then return end
  local waiting, in_flight = replays(loop)
  if waiting + in_flight == 0 then redis.call('DEL', letter_key('marks', loop)) end
end

-- The names of the letters of one item that are still there: `count` of them from number `first` on.
local function letters_of_item(loop, first, count)
  local names = {}
  for number = first, first + count - 1 do
    local name = string.format('%.0f', number)
    if redis.call('HEXISTS', letter_key('letters', loop), name) == 1 then names[#names + 1] = name end
  end
  return names
end

-- Why letters cannot be replayed or changed, nothing if they can.
local function why_not(loop, number, names)
  if redis.call('HEXISTS', letter_key('letters', loop), number) == 0 then return 'GONE' end
  for _, name in ipairs(names) do
    if redis.call('HEXISTS', letter_key('marks', loop), name) == 1 then return 'BUSY' end
  end
end
