-- Forget the beginning of a log. Harmless when repeated.
-- ARGV: session's key, log's key, the newest ordinal to forget. Answers with the first one that stays.
local head, settled, first = unpack(redis.call('HMGET', ARGV[1], 'head', 'settled', 'first'))
local last = math.min(tonumber(ARGV[3]), tonumber(settled or '0'), tonumber(head or '0'))
if last < tonumber(first or '1') then
  return first or '1'
end
first = string.format('%.0f', last + 1)
redis.call('HSET', ARGV[1], 'first', first)
redis.call('XTRIM', ARGV[2], 'MINID', '=', first .. '-0')
return first
