-- ARGV: 'newest' or 'oldest', first and last score, most letters, most bytes, then for each loop: loop, fingerprint ('' for
-- all its letters). Returns the newest or oldest letters between these scores, in that order; one at least if there is any.
local is_newest, first, last = ARGV[1] == 'newest', ARGV[2], ARGV[3]
local limit, most_bytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local found = {}
for i = 6, #ARGV, 2 do
  sweep_marks(ARGV[i])
  local key = ARGV[i + 1] == '' and letter_key('dead', ARGV[i]) or group_of_letters(ARGV[i], ARGV[i + 1])
  local numbers = is_newest and redis.call('ZREVRANGEBYSCORE', key, last, first, 'LIMIT', 0, limit)
    or redis.call('ZRANGEBYSCORE', key, first, last, 'LIMIT', 0, limit)
  for _, number in ipairs(numbers) do found[#found + 1] = {tonumber(number), ARGV[i], number} end
end
table.sort(found, function(a, b)
  if is_newest then return a[1] > b[1] end
  return a[1] < b[1]
end)

local rows, bytes = {}, 0
for i = 1, math.min(#found, limit) do
  local row = letter_row(found[i][2], found[i][3])
  bytes = bytes + #row[7]
  if i > 1 and bytes > most_bytes then return rows end
  rows[i] = row
end
return rows
