-- Sessions from an index, newest activity first, then by id backwards.
-- ARGV: prefix, most sessions, time and id of the place to continue after (both empty at the beginning), indexes.
-- Answers with the store's generation, then id and facts of each session.
local prefix, count, after_ms, after_id = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local names = {'epoch', 'born', 'head', 'settled', 'attributes', 'created', 'updated'}

-- Bytewise, as Redis orders members; Lua's own `<` follows the server's locale.
local function is_before(one, other)
  for n = 1, math.min(#one, #other) do
    local left, right = one:byte(n), other:byte(n)
    if left ~= right then
      return left < right
    end
  end
  return #one < #other
end

local index = ARGV[5]
for n = 6, #ARGV do
  if redis.call('ZCARD', ARGV[n]) < redis.call('ZCARD', index) then
    index = ARGV[n]
  end
end

local answer = {redis.call('HGET', prefix .. ':meta', 'generation') or ''}
local highest, offset = after_ms == '' and '+inf' or after_ms, 0
while count > 0 do
  local found = redis.call('ZREVRANGEBYSCORE', index, highest, '-inf', 'WITHSCORES', 'LIMIT', offset, count + 1)
  if #found == 0 then
    break
  end
  for n = 1, #found, 2 do
    local id, at_ms = found[n], found[n + 1]
    if count > 0 and (at_ms ~= after_ms or is_before(id, after_id)) then
      answer[#answer + 1] = id
      answer[#answer + 1] = redis.call('HMGET', prefix .. ':session:' .. id, unpack(names))
      count = count - 1
    end
  end
  offset = offset + #found / 2
end
return answer
