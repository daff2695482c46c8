/**
 * Where a channel stands: KEYS list, meta; ARGV epoch that counts (empty = whichever the channel has).
 * Answers {epoch, top, floor, first, seen} as texts, or {} when nothing is known of it in that epoch. Writes nothing.
 */
const standing = `
local list, meta = KEYS[1], KEYS[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local known = redis.call('HMGET', meta, 'epoch', 'top', 'floor', 'first', 'seen')
local function isOther(current) return not known[1] or (current and known[1] ~= current) end
local function standing()
  local floor, at = tonumber(known[3]), 0
  local length = redis.call('LLEN', list)
  while at < length do
    local offset, _, till = struct.unpack('>ddd', redis.call('LINDEX', list, at))
    if till > now then break end
    if offset > floor then floor = offset end
    at = at + 1
  end
  local top, seen = tonumber(known[2] or -1), tonumber(known[5] or -1)
  if at == length and top > floor then floor = top end
  local function text(number) return string.format('%.0f', number) end
  return {known[1], text(top), text(floor), known[4], text(math.max(top, seen))}, at, length
end
`;

/**
 * KEYS: list, meta, names of the epochs.
 * Answers {current epoch or '', epoch, top, floor, first, seen}, the last five only when the channel is known in the current epoch.
 */
export const topLua = `${standing}
local current = redis.call('HGET', KEYS[3], 'current')
if isOther(current) then return {current or ''} end
local stands = standing()
return {current or '', stands[1], stands[2], stands[3], stands[4], stands[5]}
`;

/**
 * KEYS as above. ARGV: epoch and offset of the position, exclusive.
 * Answers as above, then now in ms, then the packed entries after the position, oldest first; those of another epoch's
 * position are all that is held.
 */
export const readLua = `${standing}
local current = redis.call('HGET', KEYS[3], 'current')
if isOther(current) then return {current or ''} end
local stands, from, length = standing()
local answer = {current or '', stands[1], stands[2], stands[3], stands[4], stands[5], string.format('%.0f', now)}
local since = known[1] == ARGV[1] and tonumber(ARGV[2]) or -1
if tonumber(stands[2]) <= since or from == length then return answer end
-- Most readers are a few entries behind: look from the end, in steps.
local start = length
while start > from do
  start = math.max(from, start - 16)
  local offset = struct.unpack('>d', redis.call('LINDEX', list, start))
  if offset <= since then break end
end
for _, entry in ipairs(redis.call('LRANGE', list, start, -1)) do
  local offset = struct.unpack('>d', entry)
  if offset > since then answer[#answer + 1] = entry end
end
return answer
`;
