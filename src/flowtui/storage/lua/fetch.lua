-- ARGV: owner, queue, group, most items, most bytes, call. Returns OK, or ROOM if writers may find some now, and the
-- envelopes.
local owner = ARGV[1]
if not redis.call('ZSCORE', OWNERS, owner) then return {'FENCED'} end
if is_late(owner, ARGV[6]) then return {'LATE'} end
local items, room = take(owner, ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6])
table.insert(items, 1, room and 'ROOM' or 'OK')
return items
