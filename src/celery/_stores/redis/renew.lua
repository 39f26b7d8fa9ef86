-- Renews a consumer's lease and tells whose leases have ended.
--
-- KEYS[1] consumers, a sorted set: consumer -> ms at which its lease ends
-- KEYS[2] the sweep lock
-- ARGV[1] the consumer
-- ARGV[2] its lease in ms
-- ARGV[3] ms for which the sweep lock is held
-- Returns consumers whose leases have ended, if there are any and this consumer got the lock.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
local ended = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)
if #ended > 0 and redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[3]) then return ended end
return {}
