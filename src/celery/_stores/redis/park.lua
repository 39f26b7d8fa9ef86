-- Takes messages out of a consumer's lease and keeps them until they are due.
--
-- KEYS[1]   the consumer's lease
-- KEYS[2]   names of the queues that have parked messages
-- ARGV[1]   key prefix of the queues' parked messages
-- ARGV[2..] tag, queue, ms from now; again and again
-- Returns   how many were parked; tags that are not leased any more are passed over.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local parked = 0
for i = 2, #ARGV, 3 do
    local tag, queue = ARGV[i], ARGV[i + 1]
    local message = redis.call('HGET', KEYS[1], tag)
    if message then
        redis.call('HDEL', KEYS[1], tag)
        redis.call('ZADD', ARGV[1] .. queue, now + tonumber(ARGV[i + 2]), tag .. '\0' .. message)
        redis.call('SADD', KEYS[2], queue)
        parked = parked + 1
    end
end
return parked
