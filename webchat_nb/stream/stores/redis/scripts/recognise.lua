-- Is this the data set that the writer knows? If not, all logs that are there get other epochs (OR3).
-- ARGV: prefix, writer, its last acknowledged write, schema version, Redis's run_id, 1 if its tail may be lost, a new id.
local prefix, writer, acknowledged, version, run_id, may_lose_tail, new_id = unpack(ARGV)
local meta, written_key = prefix .. ':meta', prefix .. ':writer:' .. writer
local names = {'version', 'run_id', 'may_lose_tail', 'generation', 'renewed_in'}
local before = redis.call('HMGET', meta, unpack(names))
local known_version, known_run, could_lose_tail, generation, renewed_in = unpack(before)
if known_version and known_version ~= version then
  return {'version', known_version}
end

local written = string.match(redis.call('GET', written_key) or '0 ', '^(%d+) ')
local is_behind = tonumber(written) < tonumber(acknowledged)
local is_strange = not known_version and (is_behind or redis.call('EXISTS', prefix .. ':sessions') == 1)
local is_restarted = known_run and known_run ~= run_id
local is_shortened = is_restarted and (could_lose_tail == '1' or may_lose_tail == '1')
-- Several servers find out about one loss: the first one renews the epochs, for all.
if is_strange or is_shortened or (is_behind and renewed_in ~= run_id) then
  generation, renewed_in = new_id, run_id
end

for index, value in ipairs({version, run_id, may_lose_tail, generation or '', renewed_in or ''}) do
  if before[index] ~= value then
    redis.call('HSET', meta, names[index], value)
  end
end
if is_behind then
  redis.call('SET', written_key, acknowledged .. ' ', 'EX', 86400)
end
return {'known', generation or ''}
