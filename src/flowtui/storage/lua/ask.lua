-- ARGV: for how many ms the request counts, request, instances. Leaves it with each of these that lives; returns them.
local reached = {}
local request = string.format('%013.0f', now_ms() + tonumber(ARGV[1])) .. ARGV[2]
for i = 3, #ARGV do
  if redis.call('ZSCORE', OWNERS, ARGV[i]) then
    redis.call('RPUSH', requests_key(ARGV[i]), request)
    redis.call('PUBLISH', BELL, 'requests:' .. ARGV[i])
    reached[#reached + 1] = ARGV[i]
  end
end
return reached
