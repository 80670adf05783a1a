-- About `limit` rows from an index, complete with all that share the last one's ordinal.
-- ARGV: index, rows, 'newest' or 'oldest' first, bound, limit, beginnings of members that are left out.
-- Answers with 1 when there are more, then member and row of each.
local index, rows, direction, bound, limit = unpack(ARGV, 1, 5)
limit = tonumber(limit)

local function is_hidden(member)
  for n = 6, #ARGV do
    if string.sub(member, 1, #ARGV[n]) == ARGV[n] then
      return true
    end
  end
  return false
end

local function read(offset)
  if direction == 'newest' then
    return redis.call('ZREVRANGEBYSCORE', index, bound, '-inf', 'WITHSCORES', 'LIMIT', offset, limit + 8)
  end
  return redis.call('ZRANGEBYSCORE', index, bound, '+inf', 'WITHSCORES', 'LIMIT', offset, limit + 8)
end

local answer, last, offset = {0}, nil, 0
while true do
  local found = read(offset)
  if #found == 0 then
    return answer
  end
  for n = 1, #found, 2 do
    local member, ordinal = found[n], found[n + 1]
    if not is_hidden(member) then
      if #answer > 2 * limit and ordinal ~= last then
        answer[1] = 1
        return answer
      end
      answer[#answer + 1] = member
      answer[#answer + 1] = redis.call('HGET', rows, member)
      last = ordinal
    end
  end
  offset = offset + #found / 2
end
