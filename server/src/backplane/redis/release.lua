-- Gives a lease back, unless it is another's by now.
--
-- KEYS  the lease
-- ARGV  whose it was
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
