-- Takes a room's lock, or keeps it for longer.
--
-- KEYS: lock, meta, stream
-- ARGV: 1 whose it is to be, 2 whether it is theirs already: 1 or 0, 3 ms that it lasts, 4 ms that a turn is
--       kept, 5 ms that the room is kept, 6 epoch to begin with, 7 channel
-- Gives 1, or 0 where it is another's
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local till = function(ms) return string.format('%.0f', now + ms) end
local lock = redis.call('HMGET', KEYS[1], 'owner', 'until', 'next', 'nextUntil')
local owner, waiting = lock[1], lock[3]
if owner == ARGV[1] then
  redis.call('HSET', KEYS[1], 'until', till(ARGV[3]))
  return 1
end
if ARGV[2] == '1' then return 0 end

local has_turn = waiting and waiting ~= ARGV[1] and tonumber(lock[4]) > now
if has_turn or (owner and tonumber(lock[2]) > now) then
  -- The first that waits has the next turn, also before the one who gives it back and comes again.
  if not has_turn then redis.call('HSET', KEYS[1], 'next', ARGV[1], 'nextUntil', till(ARGV[4])) end
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  return 0
end

-- Its owner is gone, or could not tell what was stored: the members read anew how things stand.
if owner and redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[2], 'epoch', ARGV[6], 'offset', 0, 'tag', '-', 'bytes', 0, 'trimAt', 0)
  redis.call('PUBLISH', ARGV[7], 'n')
end
if waiting then redis.call('HDEL', KEYS[1], 'next', 'nextUntil') end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', till(ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
