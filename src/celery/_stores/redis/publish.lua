-- Routes messages to ready lists, parked messages or channels: all of them or none.
--
-- KEYS[1]   names of the queues that have parked messages
-- ARGV[1]   key prefix
-- ARGV[2]   key prefix of the queues' parked messages
-- ARGV[3]   separator within a binding
-- ARGV[4]   queue for messages that no binding matches, '' to drop them
-- ARGV[5]   number n of expiring queues, then n pairs: queue, ms
-- then      per message six: kind, exchange (or channel), routing key (or queue), suffix of the
--           priority step, ms to park it ('0': ready at once), message.
--           Kinds: 'queue', 'direct', 'topic', 'channel'.
-- Returns   how many copies were stored or published.
local prefix, parked_prefix, sep, unroutable = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local expires = {}
local at = 6
for _ = 1, tonumber(ARGV[5]) do
    expires[ARGV[at]] = ARGV[at + 1]
    at = at + 2
end

local now
local function park(queue, suffix, ms, message, serial)
    if not now then
        local time = redis.call('TIME')
        now = time[1] * 1000 + math.floor(time[2] / 1000)
    end
    local tag = 'p' .. now .. '.' .. serial .. ':' .. prefix .. queue .. suffix
    redis.call('ZADD', parked_prefix .. queue, now + tonumber(ms), tag .. '\0' .. message)
    redis.call('SADD', KEYS[1], queue)
end

-- kombu's topics: '*' is one word, '#' is anything up to the next dot that fits.
local function topic_pattern(key)
    local words = {}
    for word in string.gmatch(key .. '.', '([^.]*)%.') do
        if word == '*' then words[#words + 1] = '[^.]+'
        elseif word == '#' then words[#words + 1] = '.-'
        else words[#words + 1] = (string.gsub(word, '%W', '%%%0')) end
    end
    return '^' .. table.concat(words, '%.') .. '$'
end

local routes = {}
local function route(kind, exchange, routing_key)
    local known = routes[exchange .. '\0' .. routing_key]
    if known then return known end
    local queues, seen = {}, {}
    for _, member in ipairs(redis.call('SMEMBERS', prefix .. '_kombu.binding.' .. exchange)) do
        local key_ends, pattern_starts = string.find(member, sep, 1, true)
        local pattern_ends, queue_starts = string.find(member, sep, pattern_starts + 1, true)
        local key = string.sub(member, 1, key_ends - 1)
        local queue = string.sub(member, queue_starts + 1)
        local matches = key == routing_key
        if kind == 'topic' then matches = string.find(routing_key, topic_pattern(key)) ~= nil end
        if matches and queue ~= '' and not seen[queue] then
            seen[queue] = true
            queues[#queues + 1] = queue
        end
    end
    if #queues == 0 and unroutable ~= '' then queues[1] = unroutable end
    routes[exchange .. '\0' .. routing_key] = queues
    return queues
end

local copies = 0
for i = at, #ARGV, 6 do
    local kind, exchange, routing_key, suffix = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    local ms, message = ARGV[i + 4], ARGV[i + 5]
    if kind == 'channel' then
        redis.call('PUBLISH', exchange, message)
        copies = copies + 1
    else
        local queues = kind == 'queue' and { routing_key } or route(kind, exchange, routing_key)
        for _, queue in ipairs(queues) do
            if ms == '0' then
                redis.call('LPUSH', prefix .. queue .. suffix, message)
            else
                park(queue, suffix, ms, message, i .. '.' .. copies)
            end
            copies = copies + 1
        end
        for _, queue in ipairs(queues) do
            if expires[queue] then
                redis.call('PEXPIRE', prefix .. queue .. suffix, expires[queue])
            end
        end
    end
end
return copies
