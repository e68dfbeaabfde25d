-- Writes connections of a server that is gone down as present no longer, but for those of which something was
-- told since: it came back.
--
-- KEYS: presence
-- ARGV: a connection's id, and when something was told of it last, and so on
for i = 1, #ARGV, 2 do
  local tab = redis.call('HGET', KEYS[1], ARGV[i])
  if tab and cjson.decode(tab).at == ARGV[i + 1] then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
