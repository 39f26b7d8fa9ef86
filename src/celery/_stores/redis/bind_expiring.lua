-- Enters a binding of a queue that expires, and puts off the day its exchange's table is dropped.
--
-- KEYS[1] the exchange's bindings
-- KEYS[2] deadlines, a sorted set: exchange -> ms
-- ARGV[1] the binding
-- ARGV[2] the exchange
-- ARGV[3] ms from now
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], 'GT', now + tonumber(ARGV[3]), ARGV[2])
return 1
