-- Puts leased messages back into their ready lists, in the wording given.
--
-- KEYS[1]   consumers, a sorted set: consumer -> ms at which its lease ends
-- KEYS[2]   the consumer's lease
-- ARGV[1]   the consumer
-- ARGV[2]   'ended': only if the lease has ended by now; 'held': in any case
-- ARGV[3]   'RPUSH': to the front, in reverse order; 'LPUSH': to the end
-- ARGV[4..] tag, message; again and again
-- Returns   1, or 0 if nothing was done because the consumer has come back to life.
if ARGV[2] == 'ended' then
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
    if ends and tonumber(ends) > now then return 0 end
end
for i = 4, #ARGV, 2 do
    if redis.call('HDEL', KEYS[2], ARGV[i]) == 1 then
        redis.call(ARGV[3], string.match(ARGV[i], '^[^:]*:(.*)$'), ARGV[i + 1])
    end
end
if ARGV[2] == 'ended' and redis.call('EXISTS', KEYS[2]) == 0 then
    redis.call('ZREM', KEYS[1], ARGV[1])
end
return 1
