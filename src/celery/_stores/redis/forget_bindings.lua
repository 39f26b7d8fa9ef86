-- Drops the binding tables of exchanges that nobody has refreshed until their deadline.
--
-- KEYS[1] deadlines, a sorted set: exchange -> ms
-- ARGV[1] key prefix of the tables
-- ARGV[2] key prefix of the permanent bindings; a table with any of these stays
-- ARGV[3] exchanges at most
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local overdue = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[3])
for _, exchange in ipairs(overdue) do
    if redis.call('EXISTS', ARGV[2] .. exchange) == 0 then
        redis.call('DEL', ARGV[1] .. exchange)
    end
    redis.call('ZREM', KEYS[1], exchange)
end
return #overdue
