-- Everything of one session. ARGV 6: its id. The answer is 1 when it had a log.
local id = ARGV[6]
local head, owner, status = unpack(redis.call('HMGET', key('session', id), 'head', 'owner', 'status'))
redis.call('UNLINK', key('session', id), key('log', id), key('receipts', id),
  key('rows', id), key('changed', id), key('live', id), key('kinds', id))
if not head or head == '0' then
  return done('0')
end
redis.call('ZREM', prefix .. ':sessions', id)
redis.call('ZREM', index_key('owner', owner), id)
redis.call('ZREM', index_key('status', status), id)
redis.call('PUBLISH', prefix .. ':changes', writer .. ' ' .. id .. ' 0')
return done('1')
