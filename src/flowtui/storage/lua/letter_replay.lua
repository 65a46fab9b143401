-- ARGV: loop, then for each letter: number, first number and count of the letters that are replayed with it, trace, item.
-- Has the items run again by the loop's replay track, and marks the letters; returns for each OK, GONE or BUSY.
local loop = ARGV[1]
local queue = replay_queue(loop)
local stamp = FIRST_TRY .. string.format('%013.0f', now_ms())
local reply = {}
sweep_marks(loop)

local function request(number, first, count, trace, item)
  local names = letters_of_item(loop, first, count)
  local refused = why_not(loop, number, names)
  if refused then return refused end
  local is_read = redis.call('SISMEMBER', queue_key(queue, 'groups'), loop) == 1
  redis.call('RPUSH', is_read and group_key(queue, loop, 'ready') or queue_key(queue, 'backlog'), stamp .. item)
  redis.call('HINCRBY', queue_key(queue, 'count'), 'pushed', 1)
  for _, name in ipairs(names) do redis.call('HSET', letter_key('marks', loop), name, trace) end
  redis.call('HDEL', letter_key('notes', loop), number)
  redis.call('SADD', ns .. ':replays', loop)
  return 'OK'
end

for at = 2, #ARGV, 5 do
  reply[#reply + 1] = request(ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3], ARGV[at + 4])
end
redis.call('PUBLISH', BELL, queue)
redis.call('PUBLISH', BELL, '~replays')
return reply
