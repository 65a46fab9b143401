-- ARGV: owner, seq, queue, group, items acknowledged, how many of them died, loop of the cursor, cursor,
-- number of queues pushed to; for each: queue, number of items, items;
-- number of letters; for each: loop, fingerprint, grouping field, message, time of failure, letter;
-- number of letters to remove; for each: loop, number.
local owner, seq = ARGV[1], tonumber(ARGV[2])
local queue, group, acknowledged, died = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
if not redis.call('ZSCORE', OWNERS, owner) then return {'FENCED'} end
local last = tonumber(redis.call('HGET', owner_key(owner), 'seq') or 0)
if seq <= last then return {'OK'} end
if seq ~= last + 1 then return {'GAP', last} end
local run = run_key(queue, group, owner)
if acknowledged > 0 then
  local in_flight = redis.call('LLEN', run)
  if in_flight < acknowledged then return {'SHORT', in_flight} end
end

redis.call('HSET', owner_key(owner), 'seq', ARGV[2])
if acknowledged > 0 then
  redis.call('LTRIM', run, acknowledged, -1)
  local count = group_key(queue, group, 'count')
  if acknowledged > died then redis.call('HINCRBY', count, 'acknowledged', acknowledged - died) end
  if died > 0 then redis.call('HINCRBY', count, 'dead', died) end
end
if ARGV[7] ~= '' then redis.call('SET', ns .. ':cursor:' .. ARGV[7], ARGV[8]) end

local at = 10
local stamp = FIRST_TRY .. string.format('%013.0f', now_ms())
for _ = 1, tonumber(ARGV[9]) do
  local target, count = ARGV[at], tonumber(ARGV[at + 1])
  local items = {}
  for i = 1, count do items[i] = stamp .. ARGV[at + 1 + i] end
  at = at + 2 + count
  local groups = redis.call('SMEMBERS', queue_key(target, 'groups'))
  if #groups == 0 then push('RPUSH', queue_key(target, 'backlog'), items) end
  for _, reader in ipairs(groups) do push('RPUSH', group_key(target, reader, 'ready'), items) end
  redis.call('HINCRBY', queue_key(target, 'count'), 'pushed', count)
  redis.call('PUBLISH', BELL, target)
end

for _ = 1, tonumber(ARGV[at]) do
  file_letter(unpack(ARGV, at + 1, at + 6))
  at = at + 6
end

at = at + 1
for _ = 1, tonumber(ARGV[at]) do
  remove_letter(ARGV[at + 1], ARGV[at + 2])
  at = at + 2
end
return {'OK'}
