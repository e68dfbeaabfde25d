-- Gives an event the next place in its room's log and tells the servers that follow the room: one step,
-- so that there is one order for all of them. Asked again with the same tag, gives the same place. Gives
-- nothing where it is done under a lease that is lost: whoever has it now says what there is to be said.
--
-- KEYS: meta, stream, retained, once, lock, and a lease where it is done under one
-- ARGV: 1 epoch to begin with, 2 tag, 3 record, 4 ms that the tag is remembered, 5 ms that the room is kept,
--       6 events, 7 ms and 8 bytes that the log keeps, 9 channel,
--       10 epoch, 11 offset and 12 tag that the asking server has seen,
--       13 whose lock it is told under, empty where there is none,
--       14 whose lease it is done under, empty where there is none,
--       15… what is retained: an event's name and its frame, empty where it is cleared, and so on
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'tag', 'bytes', 'trimAt')
local once = redis.call('GET', KEYS[4])
if once then
  local epoch, offset = once:match('^(%S+) (%d+)')
  -- In a log that is lost it has no place.
  if epoch == meta[1] then return { epoch, offset, '', '', 0 } end
end
if ARGV[14] ~= '' and redis.call('GET', KEYS[6]) ~= ARGV[14] then return false end

local epoch, offset, previous = meta[1], tonumber(meta[2] or 0), meta[3] or '-'
local bytes, trim_at = tonumber(meta[4] or 0), tonumber(meta[5] or 0)

-- A log that ends before what was seen of it, or ends in something else, has lost its end.
local seen = tonumber(ARGV[11])
local lost = epoch == ARGV[10] and (offset < seen or (offset == seen and previous ~= ARGV[12]))
-- What was stored under a lock that is lost may come after what was stored later.
local disordered = ARGV[13] ~= '' and redis.call('HGET', KEYS[5], 'owner') ~= ARGV[13]
if not epoch or lost or disordered then
  redis.call('DEL', KEYS[2])
  if not disordered then redis.call('DEL', KEYS[3]) end
  epoch, offset, previous, bytes, trim_at = ARGV[1], 0, '-', 0, 0
end

local time = redis.call('TIME')
local at = time[1] * 1000 + math.floor(time[2] / 1000)
local number = function(value) return string.format('%.0f', value) end
-- A neighbouring version's record may have others.
local field = function(fields, name)
  for i = 1, #fields, 2 do
    if fields[i] == name then return fields[i + 1] end
  end
end
offset = offset + 1
redis.call('XADD', KEYS[2], number(offset) .. '-0', 'a', number(at), 't', ARGV[2], 'p', previous, 'r', ARGV[3])
local count = redis.call('XLEN', KEYS[2])
bytes = (count == 1 and 0 or bytes) + #ARGV[3]

local max_events, max_age, max_bytes = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
if count > max_events or bytes > max_bytes or at >= trim_at then
  while count > 0 do
    local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
    local fields = first[2]
    if count <= max_events and bytes <= max_bytes and (field(fields, 'a') or at) + max_age >= at then break end
    redis.call('XDEL', KEYS[2], first[1])
    count, bytes = count - 1, bytes - #(field(fields, 'r') or '')
  end
  trim_at = at + math.floor(max_age / 8)
end

redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', number(offset), 'tag', ARGV[2],
  'bytes', number(bytes), 'trimAt', number(trim_at))
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[2], max_age)

if #ARGV > 14 then
  for i = 15, #ARGV, 2 do
    if ARGV[i + 1] == '' then
      redis.call('HDEL', KEYS[3], ARGV[i])
    else
      -- The place at which it was first set is its place among the others.
      local known = redis.call('HGET', KEYS[3], ARGV[i])
      local place = known and known:match('^%d+') or number(offset)
      redis.call('HSET', KEYS[3], ARGV[i], place .. ' ' .. ARGV[i + 1])
    end
  end
  redis.call('PEXPIRE', KEYS[3], ARGV[5])
end

redis.call('SET', KEYS[4], epoch .. ' ' .. number(offset), 'PX', ARGV[4])
local head = table.concat({ epoch, number(offset), number(at), ARGV[2], previous }, ' ')
redis.call('PUBLISH', ARGV[9], 'e' .. head .. '\n' .. ARGV[3])
return { epoch, number(offset), number(at), previous, 1 }
