-- Moves messages from ready lists into a consumer's lease, in one step.
--
-- KEYS[1]   consumers, a sorted set: consumer -> ms at which its lease ends
-- KEYS[2]   the consumer's lease, a hash: tag -> message
-- KEYS[3..] ready lists: all queues of the first priority step, all of the second, ...
-- ARGV[1]   the consumer
-- ARGV[2]   its lease in ms; fetching renews it, so that what is leased is never unowned
-- ARGV[3]   messages at most
-- ARGV[4]   number of queues
-- ARGV[5]   '1': queues of one step get equal shares; '0': the first queue goes first
-- ARGV[6]   unique beginning of the new tags
-- ARGV[7..] per queue the ms after which its lists expire unused, '0' for never
-- Returns   tag, message, tag, message, ... in the order to work on them.
local limit, queues = tonumber(ARGV[3]), tonumber(ARGV[4])
local taken, count = {}, 0

local function take(key, most)
    local messages = redis.call('LRANGE', key, -most, -1)
    local n = #messages
    if n == 0 then return end
    redis.call('LTRIM', key, 0, -n - 1)
    for i = n, 1, -1 do
        count = count + 1
        taken[#taken + 1] = ARGV[6] .. count .. ':' .. key
        taken[#taken + 1] = messages[i]
    end
end

local function take_from_step(first)
    if ARGV[5] == '1' and queues > 1 then
        local share = math.ceil((limit - count) / queues)
        for i = first, first + queues - 1 do
            if count >= limit then return end
            take(KEYS[i], math.min(share, limit - count))
        end
    end
    for i = first, first + queues - 1 do
        if count >= limit then return end
        take(KEYS[i], limit - count)
    end
end

for first = 3, #KEYS, queues do
    if count >= limit then break end
    take_from_step(first)
end

for i = 1, queues do
    if ARGV[6 + i] ~= '0' then
        for key = 2 + i, #KEYS, queues do
            redis.call('PEXPIRE', KEYS[key], ARGV[6 + i])
        end
    end
end

if count > 0 then
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
    for i = 1, #taken, 1000 do
        redis.call('HSET', KEYS[2], unpack(taken, i, math.min(i + 999, #taken)))
    end
end
return taken
