-- ARGV: key, owner, item. Claims a key for an item; returns whether it may have it.
-- The value is who claims it (nobody once it is committed), a space, and the item. A claim is worth as much as the lease
-- of its owner: when that has ended, what it claimed for was not committed and never will be.
local DAY_MS = 86400000
local key, owner, item = seen_key(ARGV[1]), ARGV[2], ARGV[3]
local held = redis.call('GET', key)
if held then
  local by, whose = string.match(held, '^(%S*) (.*)$')
  if whose ~= item and (by == '' or redis.call('ZSCORE', OWNERS, by)) then return 0 end
  if by == '' then return 1 end
end
redis.call('SET', key, owner .. ' ' .. item, 'PX', DAY_MS)
return 1
