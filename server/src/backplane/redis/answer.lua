-- Keeps what a claimed emit was answered with, or gives the claim back. Forgets what is too old or too
-- much, the oldest first.
--
-- KEYS  the user's emits, by id; when they came
-- ARGV  the emit's id; the claim; the answer ('': none is kept); milliseconds that emits are remembered;
--       how many are at most, and how many bytes of answers
-- Gives 1, or 0 where the claim is another's by now
local emits, order = KEYS[1], KEYS[2]
local id, mine, answer = ARGV[1], ARGV[2], ARGV[3]
local remembered, most, most_bytes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if redis.call('HGET', emits, id) ~= 'p' .. mine then return 0 end

-- No emit has that id: they are UUIDs.
local BYTES = 'bytes'
local function forget(known)
  local value = redis.call('HGET', emits, known)
  if value and value:sub(1, 1) == 'a' then redis.call('HINCRBY', emits, BYTES, 1 - #value) end
  redis.call('HDEL', emits, known)
  redis.call('ZREM', order, known)
end

if answer == '' then
  forget(id)
  return 1
end
redis.call('HSET', emits, id, 'a' .. answer)
redis.call('HINCRBY', emits, BYTES, #answer)
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - remembered
while true do
  local first = redis.call('ZRANGE', order, 0, 0, 'WITHSCORES')
  if #first == 0 then break end
  local bytes = tonumber(redis.call('HGET', emits, BYTES))
  local fits = redis.call('ZCARD', order) <= most and bytes <= most_bytes
  if fits and tonumber(first[2]) >= oldest then break end
  forget(first[1])
end
redis.call('PEXPIRE', emits, remembered)
redis.call('PEXPIRE', order, remembered)
return 1
