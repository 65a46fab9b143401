-- ARGV: what the numbers must be below (a score such as '(7'), most letters, most bytes, then for each loop: loop,
-- fingerprint ('' for all its letters). Returns the letters, newest first; at least one if there is any.
local limit, most_bytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local found = {}
for i = 4, #ARGV, 2 do
  sweep_marks(ARGV[i])
  local key = ARGV[i + 1] == '' and letter_key('dead', ARGV[i]) or group_of_letters(ARGV[i], ARGV[i + 1])
  for _, number in ipairs(redis.call('ZREVRANGEBYSCORE', key, ARGV[1], '-inf', 'LIMIT', 0, limit)) do
    found[#found + 1] = {number, ARGV[i]}
  end
end
table.sort(found, function(a, b) return tonumber(a[1]) > tonumber(b[1]) end)

local rows, bytes = {}, 0
for i = 1, math.min(#found, limit) do
  local row = letter_row(found[i][2], found[i][1])
  bytes = bytes + #row[7]
  if i > 1 and bytes > most_bytes then return rows end
  rows[i] = row
end
return rows
