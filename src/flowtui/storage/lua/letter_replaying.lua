-- ARGV: loop. Returns how many of its letters wait to be run again, or are run again just now.
sweep_marks(ARGV[1])
return redis.call('HLEN', letter_key('marks', ARGV[1]))
