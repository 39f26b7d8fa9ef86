-- Puts parked messages that are due to the front of their ready lists, earliest first.
--
-- KEYS[1]   names of the queues that have parked messages
-- ARGV[1]   key prefix of the queues' parked messages
-- ARGV[2]   messages at most per queue
-- Returns   ms until the next message is due, -1 if there is none.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local next_due = -1
for _, queue in ipairs(redis.call('SMEMBERS', KEYS[1])) do
    local key = ARGV[1] .. queue
    local due = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, ARGV[2])
    for i = #due, 1, -1 do
        local tag_ends = string.find(due[i], '\0', 1, true)
        local list = string.match(string.sub(due[i], 1, tag_ends - 1), '^[^:]*:(.*)$')
        redis.call('RPUSH', list, string.sub(due[i], tag_ends + 1))
        redis.call('ZREM', key, due[i])
    end
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if #first == 0 then
        redis.call('SREM', KEYS[1], queue)
    else
        local wait = math.max(tonumber(first[2]) - now, 0)
        if next_due < 0 or wait < next_due then next_due = wait end
    end
end
return next_due
