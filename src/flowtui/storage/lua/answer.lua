-- ARGV: request, for how many ms the answer is kept, answer.
local key = ns .. ':answers:' .. ARGV[1]
redis.call('RPUSH', key, ARGV[3])
redis.call('PEXPIRE', key, ARGV[2])
return {}
