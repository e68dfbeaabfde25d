-- What a server needs of a room that it follows, or goes on following: where the log stands, what it holds
-- after what the server has seen, what is retained, and who is present.
--
-- KEYS: meta, stream, retained, presence, dismissals
-- ARGV: 1 epoch to begin with, 2 epoch, 3 offset and 4 tag that the server has seen, 5 ms that the room is
--       kept, 6 channel
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'tag', 'dismissals')
local dismissals = meta[4] or 0
local epoch, offset, tag = meta[1], tonumber(meta[2] or 0), meta[3] or '-'
local seen = tonumber(ARGV[3])
local records, lost = {}, false
if epoch and epoch == ARGV[2] then
  if offset > seen then
    records = redis.call('XRANGE', KEYS[2], string.format('(%.0f-0', seen), '+')
    local first = records[1]
    if first and first[1] == string.format('%.0f-0', seen + 1) then
      -- Each record names the one before it.
      for i = 1, #first[2], 2 do
        if first[2][i] == 'p' then lost = first[2][i + 1] ~= ARGV[4] end
      end
    end
  else
    lost = offset < seen or tag ~= ARGV[4]
  end
elseif epoch then
  records = redis.call('XRANGE', KEYS[2], '-', '+')
end
if not epoch or lost then
  epoch, offset, tag, records = ARGV[1], 0, '-', {}
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', 0, 'tag', tag, 'bytes', 0, 'trimAt', 0)
  -- Whoever has seen more of the old log looks again.
  redis.call('PUBLISH', ARGV[6], 'n')
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[5])
redis.call('PEXPIRE', KEYS[4], ARGV[5])
local tabs, flat = {}, redis.call('HGETALL', KEYS[4])
for i = 1, #flat, 2 do tabs[#tabs + 1] = { flat[i], flat[i + 1] } end
return { epoch, string.format('%.0f', offset), tag, records, redis.call('HGETALL', KEYS[3]), tabs,
  dismissals, redis.call('LRANGE', KEYS[5], 0, -1) }
