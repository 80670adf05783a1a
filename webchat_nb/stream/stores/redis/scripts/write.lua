-- Put before every script that writes: is this the data set we know, and was this write done before?
-- ARGV 1-5: prefix, writer, number of this write, number of the writer's last acknowledged one, schema version.
local prefix, writer, number, acknowledged, version = unpack(ARGV, 1, 5)

local function key(kind, id)
  return prefix .. ':' .. kind .. ':' .. id
end

local written_key = key('writer', writer)
local written, written_answer = string.match(redis.call('GET', written_key) or '0 ', '^(%d+) (.*)$')
if redis.call('HGET', prefix .. ':meta', 'version') ~= version or tonumber(written) < tonumber(acknowledged) then
  return {'doubt'}
end
-- A larger number means that this is an old repetition, which a lost connection delivered late: nobody waits for it.
if tonumber(written) >= tonumber(number) then
  return {'done', written_answer}
end

-- Kept in the same step as the write itself, so a repetition after a lost answer finds it.
local function done(answer)
  redis.call('SET', written_key, number .. ' ' .. answer, 'EX', 86400)
  return {'done', answer}
end

-- An index of sessions by one attribute's value; `marked` is '=' and the value, or empty without the attribute.
local function index_key(attribute, marked)
  return key('by', attribute .. marked)
end
