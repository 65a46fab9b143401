-- ARGV: owner, queue, group, most items, most bytes, call. Returns OK and the envelopes.
local owner, queue, group = ARGV[1], ARGV[2], ARGV[3]
local limit, most_bytes = tonumber(ARGV[4]), tonumber(ARGV[5])
if not redis.call('ZSCORE', OWNERS, owner) then return {'FENCED'} end
if is_late(owner, ARGV[6]) then return {'LATE'} end
local ready = group_key(queue, group, 'ready')

-- In small steps, so that big items behind the byte cap are not read for nothing.
local function head()
  local items, bytes = {}, 0
  while #items < limit do
    local chunk = redis.call('LRANGE', ready, #items, math.min(#items + 16, limit) - 1)
    if #chunk == 0 then return items end
    for _, item in ipairs(chunk) do
      -- A redelivered item travels alone: if it kills its reader again, no other item pays for it.
      local redelivered = string.sub(item, 1, 4) ~= FIRST_TRY
      bytes = bytes + #item
      if #items > 0 and (redelivered or bytes > most_bytes) then return items end
      items[#items + 1] = item
      if redelivered then return items end
    end
  end
  return items
end

local items = head()
if #items > 0 then
  redis.call('HSET', owner_key(owner), 'call', ARGV[6])
  push('RPUSH', run_key(queue, group, owner), items)
  redis.call('LTRIM', ready, #items, -1)
end
table.insert(items, 1, 'OK')
return items
