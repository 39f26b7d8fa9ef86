-- Stores and announces a task's metadata, unless what is stored is final.
--
-- KEYS[1]  the task's key, also the channel it is announced on
-- ARGV[1]  the metadata
-- ARGV[2]  ms after which it goes, '0' for never
-- ARGV[3]  '1': store it whatever is there
-- Returns  'stored', 'final', or 'unclear' and what is there: only a decoder can tell its state.
local there = ARGV[3] ~= '1' and redis.call('GET', KEYS[1])
if there then
    local state = string.match(there, '^{"status": ?"(%u+)"')
    if state == 'SUCCESS' then return { 'final' } end
    if not state then return { 'unclear', there } end
end
if ARGV[2] == '0' then
    redis.call('SET', KEYS[1], ARGV[1])
else
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
redis.call('PUBLISH', KEYS[1], ARGV[1])
return { 'stored' }
