-- ARGV: instance. Removes what it has been asked and returns it, oldest first, without what nobody waits for any more.
local requests, counting = redis.call('LRANGE', requests_key(ARGV[1]), 0, -1), {}
local now = now_ms()
for _, request in ipairs(requests) do
  if tonumber(string.sub(request, 1, 13)) >= now then counting[#counting + 1] = string.sub(request, 14) end
end
redis.call('DEL', requests_key(ARGV[1]))
return counting
