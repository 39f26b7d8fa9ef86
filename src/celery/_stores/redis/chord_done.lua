-- Ends a chord that was claimed.
--
-- KEYS     .j parts, .t extra size, .s size, .d who was counted, .c claim
-- ARGV[1]  token of the claim
-- ARGV[2]  'failed': the parts are kept until they expire; else everything goes
-- ARGV[3]  seconds for which late parts find the chord ended
-- Returns  1, or 0 if the claim was lost to somebody else.
if redis.call('GET', KEYS[5]) ~= ARGV[1] then return 0 end
if ARGV[2] == 'failed' then
    redis.call('DEL', KEYS[3])
else
    redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
end
redis.call('SET', KEYS[5], 'done', 'EX', ARGV[3])
return 1
