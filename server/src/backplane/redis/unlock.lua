-- Gives a room's lock back, unless it is another's by now, or the turn of who waited for it.
--
-- KEYS: lock
-- ARGV: 1 whose it was, 2 whether something was stored and not told: 1 or 0
local lock = redis.call('HMGET', KEYS[1], 'owner', 'next')
if lock[2] == ARGV[1] then redis.call('HDEL', KEYS[1], 'next', 'nextUntil') end
if lock[1] ~= ARGV[1] then return end
if ARGV[2] == '1' then
  -- Whoever has it next sees to it.
  redis.call('HSET', KEYS[1], 'until', 0)
elseif lock[2] then
  redis.call('HDEL', KEYS[1], 'owner', 'until')
else
  redis.call('DEL', KEYS[1])
end
