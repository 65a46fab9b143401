-- ARGV: loop, fingerprint ('' for all its letters), first and last number, most letters. Removes the oldest of them.
-- Returns how many, and the last number if there may be more.
local key = ARGV[2] == '' and letter_key('dead', ARGV[1]) or group_of_letters(ARGV[1], ARGV[2])
local numbers = redis.call('ZRANGEBYSCORE', key, ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[5])
for _, number in ipairs(numbers) do remove_letter(ARGV[1], number) end
return {#numbers, #numbers == tonumber(ARGV[5]) and numbers[#numbers] or ''}
