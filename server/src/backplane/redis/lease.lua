-- Takes a lease.
--
-- KEYS  the lease
-- ARGV  whose it is to be; for how many milliseconds
-- Gives 1, or 0 where it is another's
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
