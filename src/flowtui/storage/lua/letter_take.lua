-- ARGV: loop, then number and trace for each. Returns the letters that are marked with that trace, nothing for others.
local rows = {}
for at = 2, #ARGV, 2 do
  local mark = redis.call('HGET', letter_key('marks', ARGV[1]), ARGV[at])
  rows[#rows + 1] = mark == ARGV[at + 1] and letter_row(ARGV[1], ARGV[at]) or {}
end
return rows
