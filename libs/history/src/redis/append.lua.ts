/**
 * One channel's part of a batch.
 *
 * KEYS: list of entries, meta of the channel, owner of the shard.
 * ARGV: epoch, owner epoch, retained to, place of this call among those of the batch, their number, last offset of the batch,
 * size, ttl ms, meta life ms, ids remembered; then (offset, `(id, part)`, packed tail) each.
 * An empty tail is one that is not retained. Answers for each, as text: prev, -2 for the first one known, -3 for a duplicate,
 * `after <top>` for what is not retained (-1 = none is known). Error GHOST when a later owner has
 * written, LOST when the store has forgotten the shard's claim or what it acknowledged.
 *
 * `to` of the shard rises with the last call of a batch, when all calls before it were done: whatever older state of the
 * store may come back, all that is to be retained up to its `to` is in it.
 *
 * Offsets travel as text made by `%.0f`: Lua's own way of writing a large number loses digits, and so does the client's
 * way of reading one.
 */
export const appendLua = `
local list, meta, shard = KEYS[1], KEYS[2], KEYS[3]
local epoch, owner = ARGV[1], tonumber(ARGV[2])
local place, calls = tonumber(ARGV[4]), tonumber(ARGV[5])
local size, ttl, life, remembered = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9], tonumber(ARGV[10])
local function text(number) return string.format('%.0f', number) end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local held = redis.call('HMGET', shard, 'epoch', 'owner', 'to', 'done')
if not held[1] then return redis.error_reply('LOST') end
if held[1] ~= epoch then
  if redis.call('HEXISTS', shard, 'past:' .. epoch) == 1 then return redis.error_reply('GHOST') end
  return redis.error_reply('LOST')
end
if tonumber(held[2]) > owner then return redis.error_reply('GHOST') end
if tonumber(held[3] or -1) < tonumber(ARGV[3]) then return redis.error_reply('LOST') end
if tonumber(held[2]) < owner then redis.call('HSET', shard, 'owner', ARGV[2]) end

local known = redis.call('HMGET', meta, 'epoch', 'top', 'floor', 'first', 'ids', 'count', 'seen')
local top, floor, first, ids, count, passed
if known[1] == epoch then
  top, floor, first = tonumber(known[2] or ''), tonumber(known[3]), tonumber(known[4])
  ids, count, passed = known[5], tonumber(known[6]), tonumber(known[7] or '')
else
  if known[1] then redis.call('DEL', list, meta) end
  floor, ids, count = -1, '', 0
end
local length = redis.call('LLEN', list)
if length == 0 and top and top > floor then floor = top end

local prevs, places
local function load()
  if prevs then return end
  prevs, places = {}, {}
  for i, entry in ipairs(redis.call('LRANGE', list, 0, -1)) do
    local at, before = struct.unpack('>dd', entry)
    prevs[at], places[i] = before, at
  end
end
local function again(offset)
  load()
  if prevs[offset] then return prevs[offset] end
  if offset > floor then floor = offset end
  return floor
end

-- The retained one before an offset that others have passed.
local function before(offset)
  load()
  local low, high = 0, #places
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if places[middle] < offset then low = middle else high = middle - 1 end
  end
  return places[low] or (floor < offset and floor) or -1
end

-- Ids stand in the meta as ';<id>=<offset>', oldest first; those of this call are joined to them once, at its end.
local fresh, freshIds = {}, {}
local function seenAt(key)
  if fresh[key] then return fresh[key] end
  local _, stop = string.find(ids, ';' .. key .. '=', 1, true)
  return stop and tonumber(string.match(ids, '^%d+', stop + 1))
end

local answers = {}
for i = 11, #ARGV, 3 do
  local offset, key = tonumber(ARGV[i]), ARGV[i + 1]
  local seen = seenAt(key)
  if ARGV[i + 2] == '' then
    first = first or offset
    if offset > (passed or -1) then passed = offset end
    answers[#answers + 1] = 'after ' .. text(not top and -1 or offset > top and top or before(offset))
  elseif seen and seen ~= offset then
    answers[#answers + 1] = '-3'
  elseif top and offset <= top then
    answers[#answers + 1] = text(again(offset))
  else
    local prev = top or -2
    first = first or offset
    redis.call('RPUSH', list, struct.pack('>ddd', offset, prev, now + ttl) .. ARGV[i + 2])
    length = length + 1
    if prevs then prevs[offset] = prev end
    top, fresh[key] = offset, offset
    freshIds[#freshIds + 1] = ';' .. key .. '=' .. text(offset)
    answers[#answers + 1] = text(prev)
  end
end

local gone = length > size and length - size or 0
while gone < length do
  local entry = redis.call('LINDEX', list, gone)
  local _, _, till = struct.unpack('>ddd', entry)
  if till > now then break end
  gone = gone + 1
end
if gone > 0 then
  local offset = struct.unpack('>d', redis.call('LINDEX', list, gone - 1))
  if offset > floor then floor = offset end
  redis.call('LTRIM', list, gone, -1)
end
if #freshIds > 0 then
  redis.call('PEXPIRE', list, ttl)
  ids, count = ids .. table.concat(freshIds), count + #freshIds
  local from = 1
  while count > remembered do from, count = string.find(ids, ';', from + 1, true), count - 1 end
  if from > 1 then ids = string.sub(ids, from) end
end
if first then
  redis.call('HSET', meta, 'epoch', epoch, 'owner', ARGV[2], 'floor', text(floor), 'first', text(first), 'ids', ids, 'count', count)
  if top then redis.call('HSET', meta, 'top', text(top)) end
  if passed then redis.call('HSET', meta, 'seen', text(passed)) end
  redis.call('PEXPIRE', meta, life)
end
local done = (place == 1 and 0 or tonumber(held[4] or 0)) + 1
if place < calls then
  redis.call('HSET', shard, 'done', done)
elseif done == calls and tonumber(ARGV[6]) > tonumber(held[3] or -1) then
  redis.call('HSET', shard, 'to', ARGV[6])
end
return answers
`;
