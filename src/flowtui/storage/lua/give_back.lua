-- ARGV: owner, queue, group, how many at the head of the in-flight list to keep. Returns how many went back.
if not redis.call('ZSCORE', OWNERS, ARGV[1]) then return 0 end
return put_back(ARGV[2], ARGV[3], ARGV[1], tonumber(ARGV[4]), math.huge, false)
