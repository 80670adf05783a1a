-- Forget the older receipts of one session. Harmless when repeated.
-- ARGV: key of the receipts, milliseconds since 1970. Answers with how many were older.
local old, before_ms = {}, tonumber(ARGV[2])
local all = redis.call('HGETALL', ARGV[1])
for n = 1, #all, 2 do
  if cjson.decode(all[n + 1]).at_ms < before_ms then
    old[#old + 1] = all[n]
  end
end
for _, member in ipairs(old) do
  redis.call('HDEL', ARGV[1], member)
end
return #old
