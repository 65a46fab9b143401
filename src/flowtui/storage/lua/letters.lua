-- ARGV: loop, how many at most. Returns its newest letters, oldest first.
local numbers = redis.call('LRANGE', ns .. ':dead:' .. ARGV[1], -tonumber(ARGV[2]), -1)
if #numbers == 0 then return {} end
return redis.call('HMGET', ns .. ':letters:' .. ARGV[1], unpack(numbers))
