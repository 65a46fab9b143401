-- ARGV: request, instances that have not answered it. Takes it back from each that has not begun it; returns these.
local withdrawn = {}
for i = 2, #ARGV do
  for _, request in ipairs(redis.call('LRANGE', requests_key(ARGV[i]), 0, -1)) do
    if string.sub(request, 14) == ARGV[1] then
      redis.call('LREM', requests_key(ARGV[i]), 1, request)
      withdrawn[#withdrawn + 1] = ARGV[i]
    end
  end
end
return withdrawn
