-- ARGV: loop, number, how often it had been edited when it was read, the new letter. Returns OK, GONE, BUSY or CHANGED.
local loop, number = ARGV[1], ARGV[2]
sweep_marks(loop)
local refused = why_not(loop, number, {number})
if refused then return refused end
if (redis.call('HGET', letter_key('edits', loop), number) or '0') ~= ARGV[3] then return 'CHANGED' end
redis.call('HSET', letter_key('letters', loop), number, ARGV[4])
redis.call('HINCRBY', letter_key('edits', loop), number, 1)
redis.call('HDEL', letter_key('notes', loop), number)
return 'OK'
