-- ARGV: owner, lease in ms, instance, loop, how often the loop had been completed when the owner first asked, empty the
-- first time. Joins the owner, which reads no queue, as the only one that may run the loop.
-- Returns OK; TAKEN, the owner that runs the loop, its instance, how often the loop has been completed; COMPLETED and
-- the instance that has done that since; FENCED if the owner has ended or left.
local owner, loop = ARGV[1], ARGV[4]
if is_gone(owner) then return {'FENCED'} end
local runs = redis.call('HMGET', loop_key(loop), 'owner', 'instance', 'completed', 'by')
local completed = runs[3] or '0'
if ARGV[5] ~= '' and tonumber(completed) > tonumber(ARGV[5]) then return {'COMPLETED', runs[4]} end
if runs[1] and runs[1] ~= owner and redis.call('ZSCORE', OWNERS, runs[1]) then
  return {'TAKEN', runs[1], runs[2], completed}
end
give_lease(owner, ARGV[2])
redis.call('HSET', owner_key(owner), 'loop', loop)
redis.call('HSET', loop_key(loop), 'owner', owner, 'instance', ARGV[3])
return {'OK'}
