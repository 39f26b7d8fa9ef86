-- Counts a part of a chord that has ended, once; claims the chord's end with the last one.
--
-- KEYS     .j parts, .t extra size, .s size, .d who was counted, .c claim
-- ARGV[1]  'zset': parts are kept in order; 'list': as they come
-- ARGV[2]  the part
-- ARGV[3]  its place: a number or '+inf'
-- ARGV[4]  who it is
-- ARGV[5]  seconds after which what is kept goes
-- ARGV[6]  token of the claim
-- ARGV[7]  seconds after which somebody else may claim
-- Returns  1 if the caller is to end the chord, else 0.
local parts, extra, size, counted, claim = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if redis.call('GET', claim) == 'done' then return 0 end
if redis.call('SADD', counted, ARGV[4]) == 1 then
    if ARGV[1] == 'zset' then
        redis.call('ZADD', parts, ARGV[3], ARGV[2])
    else
        redis.call('RPUSH', parts, ARGV[2])
    end
end
for _, key in ipairs({ parts, extra, counted }) do
    redis.call('EXPIRE', key, ARGV[5])
end
local wanted = tonumber(redis.call('GET', size))
if not wanted then return 0 end
wanted = wanted + tonumber(redis.call('GET', extra) or 0)
local count = redis.call(ARGV[1] == 'zset' and 'ZCARD' or 'LLEN', parts)
if count < wanted then return 0 end
if redis.call('SET', claim, ARGV[6], 'NX', 'EX', ARGV[7]) then return 1 end
return 0
