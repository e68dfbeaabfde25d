-- Tells the servers that follow a room that members are taken out of it. It is kept for a while, for those
-- whose connection is just lost: they hear of it when they load.
--
-- KEYS: meta, dismissals, retained
-- ARGV: 1 what is told, 2 channel, 3 ms that the room is kept, 4 ms that it is remembered,
--       5 whether what is retained is dropped: 1 or 0
local number = redis.call('HINCRBY', KEYS[1], 'dismissals', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('RPUSH', KEYS[2], number .. ' ' .. ARGV[1])
redis.call('LTRIM', KEYS[2], -100, -1)
redis.call('PEXPIRE', KEYS[2], ARGV[4])
if ARGV[5] == '1' then redis.call('DEL', KEYS[3]) end
redis.call('PUBLISH', ARGV[2], 'd' .. number .. ' ' .. ARGV[1])
