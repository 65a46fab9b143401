-- ARGV: loop, number, trace. Returns the letter if it is marked with that trace, else nothing.
return redis.call('HGET', letter_key('marks', ARGV[1]), ARGV[2]) == ARGV[3] and letter_row(ARGV[1], ARGV[2]) or {}
