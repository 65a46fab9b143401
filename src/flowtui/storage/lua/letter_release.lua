-- ARGV: loop, number, first number and count of the letters that are replayed with it, trace, why it was not run. Takes
-- away the marks with that trace, so that the letters can be edited and replayed.
local loop, number, trace = ARGV[1], ARGV[2], ARGV[5]
local marks = letter_key('marks', loop)
if redis.call('HGET', marks, number) ~= trace then return 0 end
redis.call('HSET', letter_key('notes', loop), number, ARGV[6])
for _, name in ipairs(letters_of_item(loop, tonumber(ARGV[3]), tonumber(ARGV[4]))) do
  if redis.call('HGET', marks, name) == trace then redis.call('HDEL', marks, name) end
end
return 1
