-- ARGV: most items to move, '1' to end the owners whose lease is over too, owners to end whatever their lease says.
-- Returns how many owners are left to end, then the bells to ring: of queues that got items back, of loops now free.
local left = tonumber(ARGV[1])
local doomed = redis.call('SMEMBERS', ENDING)
if ARGV[2] == '1' then
  for _, owner in ipairs(redis.call('ZRANGEBYSCORE', OWNERS, '-inf', now_ms(), 'LIMIT', 0, 100)) do
    doomed[#doomed + 1] = owner
  end
end
for i = 3, #ARGV do
  if redis.call('ZSCORE', OWNERS, ARGV[i]) then doomed[#doomed + 1] = ARGV[i] end
end
local reply = {0}
for _, owner in ipairs(doomed) do
  -- With no items left to move, the others are still fenced now: they wait in ENDING.
  local moved, bells = end_owner(owner, left)
  left = left - moved
  for _, bell in ipairs(bells) do reply[#reply + 1] = bell end
end
reply[1] = redis.call('SCARD', ENDING)
return reply
