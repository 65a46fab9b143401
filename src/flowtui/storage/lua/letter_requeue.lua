-- ARGV: loop, queue, then for each letter: number, first number and count of the letters of its item, item. Puts the
-- items at the end of what waits for the loop, in place of all their letters; returns for each OK, GONE, BUSY or UNREAD.
local loop, queue = ARGV[1], ARGV[2]
local is_read = redis.call('SISMEMBER', queue_key(queue, 'groups'), loop) == 1
local stamp = FIRST_TRY .. string.format('%013.0f', now_ms())
local reply = {}
sweep_marks(loop)

local function requeue(number, first, count, item)
  local names = letters_of_item(loop, first, count)
  local refused = why_not(loop, number, names) or (not is_read and 'UNREAD')
  if refused then return refused end
  redis.call('RPUSH', group_key(queue, loop, 'ready'), stamp .. item)
  redis.call('HINCRBY', group_key(queue, loop, 'count'), 'replayed', 1)
  for _, name in ipairs(names) do remove_letter(loop, name) end
  return 'OK'
end

for at = 3, #ARGV, 4 do
  reply[#reply + 1] = requeue(ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3])
end
redis.call('PUBLISH', BELL, queue)
return reply
