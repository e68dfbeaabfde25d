-- Renews a lease, unless it has ended: somebody else may have had it since.
--
-- KEYS  the lease
-- ARGV  whose it is; for how many milliseconds
-- Gives 1, or 0 where it has ended
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
