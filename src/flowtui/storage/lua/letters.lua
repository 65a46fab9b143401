-- ARGV: loop, how many at most. Returns its newest letters, oldest first.
local numbers = redis.call('ZRANGE', letter_key('dead', ARGV[1]), -tonumber(ARGV[2]), -1)
if #numbers == 0 then return {} end
return redis.call('HMGET', letter_key('letters', ARGV[1]), unpack(numbers))
