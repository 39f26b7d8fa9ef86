-- Puts a message that a kombu consumer held for too long back into its queues.
--
-- KEYS[1]   kombu's hash of unacknowledged messages
-- KEYS[2]   its index by time of delivery
-- ARGV[1]   the delivery's tag
-- ARGV[2]   the message
-- ARGV[3..] the ready lists it goes to
-- Returns   1, or 0 if somebody else has settled or restored it.
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
for i = 3, #ARGV do
    redis.call('RPUSH', ARGV[i], ARGV[2])
end
return 1
