-- Counts an event in its user's window, and claims the emit that it is, in one step.
--
-- KEYS  the user's window; the user's emits, by id; when they came
-- ARGV  microseconds from one event to the next, and of the window (0: not to be counted);
--       the emit's id ('': it has none); the claim; another's claim that is given up (''), or '';
--       milliseconds that emits are remembered
-- Gives { 'act' | 'answered' | 'pending' | 'limited', the answer or whose claim it is, microseconds to wait }
local between, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local id, mine, given_up = ARGV[3], ARGV[4], ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local known = id ~= '' and redis.call('HGET', KEYS[2], id)
if known then
  local mark, rest = known:sub(1, 1), known:sub(2)
  if mark == 'a' then return { 'answered', rest, 0 } end
  if rest == mine then return { 'act', '', 0 } end
  if rest ~= given_up then return { 'pending', rest, 0 } end
elseif window > 0 then
  -- The generic cell rate algorithm: what is kept is when the window would be empty.
  local empty = tonumber(redis.call('GET', KEYS[1]) or now)
  local next_empty = math.max(empty, now) + between
  if next_empty > now + window then return { 'limited', '', next_empty - now - window } end
  redis.call('SET', KEYS[1], string.format('%.0f', next_empty), 'PX', math.ceil((next_empty - now) / 1000))
end

if id ~= '' then
  redis.call('HSET', KEYS[2], id, 'p' .. mine)
  redis.call('ZADD', KEYS[3], math.floor(now / 1000), id)
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
  redis.call('PEXPIRE', KEYS[3], ARGV[6])
end
return { 'act', '', 0 }
