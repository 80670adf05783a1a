-- One batch. All is checked before anything is written.
-- ARGV 6: how many commits; then 14 facts of each; then, commit by commit, its events, rows and receipts.
local FIRST, WIDTH = 7, 14
local commit_count = tonumber(ARGV[6])
local generation = redis.call('HGET', prefix .. ':meta', 'generation')

local function facts(n)
  return unpack(ARGV, FIRST + WIDTH * (n - 1), FIRST + WIDTH * n - 1)
end

local known = {}
for n = 1, commit_count do
  local id, base, head, epoch = facts(n)
  local there = known[id]
  if not there then
    local own, born, present = unpack(redis.call('HMGET', key('session', id), 'epoch', 'born', 'head'))
    if own and born ~= generation then
      own = own .. '.' .. generation
    end
    there = {head = present or '0', epoch = own}
  end
  if there.head ~= base or (there.head ~= '0' and there.epoch ~= epoch) then
    return {'conflict', n - 1, there.head, there.epoch or ''}
  end
  known[id] = {head = head, epoch = epoch}
  local in_turn = redis.call('GET', key('turn', id))
  if in_turn and in_turn ~= writer then
    return {'wait'}
  end
end

local at = FIRST + WIDTH * commit_count

local function keep_events(id, count)
  local log = key('log', id)
  for _ = 1, count do
    local ordinal, name, payload, at_ms, appends = unpack(ARGV, at, at + 4)
    redis.call('XADD', log, ordinal .. '-0', 'n', name, 'p', payload, 't', at_ms, 'a', appends)
    at = at + 5
  end
end

local function keep_rows(id, count)
  local rows, by_change = key('rows', id), key('changed', id)
  local by_creation, by_kind = key('live', id), key('kinds', id)
  for _ = 1, count do
    local member, created, updated, removed, row = unpack(ARGV, at, at + 4)
    local present = redis.call('ZSCORE', by_change, member)
    if not present or tonumber(present) <= tonumber(updated) then
      redis.call('HSET', rows, member, row)
      redis.call('ZADD', by_change, updated, member)
      if removed == '1' then
        redis.call('ZREM', by_creation, member)
        redis.call('ZREM', by_kind, member)
      else
        redis.call('ZADD', by_creation, created, member)
        redis.call('ZADD', by_kind, 0, member)
      end
    end
    at = at + 5
  end
end

local function keep_receipts(id, count)
  for _ = 1, count do
    redis.call('HSETNX', key('receipts', id), ARGV[at], ARGV[at + 1])
    at = at + 2
  end
end

local function list_by(attribute, id, marked, before, updated)
  if before and before ~= '' and before ~= marked then
    redis.call('ZREM', index_key(attribute, before), id)
  end
  if marked ~= '' then
    redis.call('ZADD', index_key(attribute, marked), updated, id)
  end
end

local message = {writer}
for n = 1, commit_count do
  local id, _, head, epoch, next_epoch, settled, attributes, at_ms, owner, status, replaces_rows,
    event_count, row_count, receipt_count = facts(n)
  local session = key('session', id)
  local names = {'head', 'settled', 'attributes', 'updated', 'owner', 'status'}
  local before = redis.call('HMGET', session, unpack(names))
  local had_log = before[1] and before[1] ~= '0'
  local updated = event_count == '0' and (before[4] or '0') or at_ms
  local changes = {}
  for index, value in ipairs({head, settled, attributes, updated, owner, status}) do
    if before[index] ~= value then
      changes[#changes + 1] = names[index]
      changes[#changes + 1] = value
    end
  end
  if not had_log then
    for _, value in ipairs({'epoch', epoch, 'born', generation, 'created', at_ms}) do
      changes[#changes + 1] = value
    end
  end
  if next_epoch ~= '' then
    for _, value in ipairs({'epoch', next_epoch, 'born', generation}) do
      changes[#changes + 1] = value
    end
  end
  if #changes > 0 then
    redis.call('HSET', session, unpack(changes))
  end
  keep_events(id, tonumber(event_count))
  if replaces_rows == '1' then
    redis.call('UNLINK', key('rows', id), key('changed', id), key('live', id), key('kinds', id))
  end
  keep_rows(id, tonumber(row_count))
  keep_receipts(id, tonumber(receipt_count))
  if head ~= '0' then
    redis.call('ZADD', prefix .. ':sessions', updated, id)
    list_by('owner', id, owner, before[5], updated)
    list_by('status', id, status, before[6], updated)
  end
  message[#message + 1] = id
  message[#message + 1] = head
end
redis.call('PUBLISH', prefix .. ':changes', table.concat(message, ' '))
return done('')
