-- ARGV: prefix, session. Answers with the store's generation and the session's facts.
local names = {'epoch', 'born', 'head', 'settled', 'attributes', 'created', 'updated'}
return {
  redis.call('HGET', ARGV[1] .. ':meta', 'generation') or '',
  redis.call('HMGET', ARGV[1] .. ':session:' .. ARGV[2], unpack(names)),
}
