-- Returns the loops of which replays wait.
local loops = {}
for _, loop in ipairs(redis.call('SMEMBERS', ns .. ':replays')) do
  local waiting, in_flight = replays(loop)
  if waiting > 0 then
    loops[#loops + 1] = loop
  elseif in_flight == 0 then
    redis.call('SREM', ns .. ':replays', loop)
  end
end
return loops
