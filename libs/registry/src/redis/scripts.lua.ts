/*
 * A node in the hash of its kind: `<incarnation> <lease end ms> <lease ms> <entry as JSON>`. Only Redis's clock judges leases.
 */
const clock = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`;

/**
 * KEYS: nodes of the kind, the counter of incarnations. ARGV: id, incarnation, lease ms, entry as JSON.
 * The counter never falls behind an incarnation that stands: a Redis that forgot it would hand out lower ones.
 */
export const renewLua = `${clock}
local held = redis.call('HGET', KEYS[1], ARGV[1])
local incarnation, till = string.match(held or '', '^(%d+) (%d+)')
incarnation, till = tonumber(incarnation), tonumber(till)
local mine = tonumber(ARGV[2])
if incarnation and incarnation > mine then return 'superseded' end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%s %.0f %s %s', ARGV[2], now + tonumber(ARGV[3]), ARGV[3], ARGV[4]))
if incarnation == mine and till > now then return 'renewed' end
if tonumber(redis.call('GET', KEYS[2]) or 0) < mine then redis.call('SET', KEYS[2], ARGV[2]) end
return 'missing'
`;

/** KEYS: nodes of the kind. ARGV: id, incarnation, and, to forget a node, the lease end that was seen. */
export const removeLua = `
local held = redis.call('HGET', KEYS[1], ARGV[1])
if not held then return 0 end
local incarnation, till = string.match(held, '^(%d+) (%d+)')
if incarnation ~= ARGV[2] or (ARGV[3] and till ~= ARGV[3]) then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
`;

/**
 * A node's changes of users in one bucket. KEYS: bucket. ARGV: ref, then ('+' or '-', user) each. A user's refs are
 * lines. An arriving ref drops those of the same node's earlier lives.
 */
export const usersLua = `
local function parse(ref)
  local id, life = string.match(ref, '^(.*)~(%w+)$')
  return id, tonumber(life or '', 36) or 0
end
local id, life = parse(ARGV[1])
for i = 2, #ARGV, 2 do
  local isPresent, user = ARGV[i] == '+', ARGV[i + 1]
  local refs = {}
  for ref in string.gmatch(redis.call('HGET', KEYS[1], user) or '', '[^\\n]+') do
    local otherId, otherLife = parse(ref)
    if ref ~= ARGV[1] and not (isPresent and otherId == id and otherLife < life) then refs[#refs + 1] = ref end
  end
  if isPresent then refs[#refs + 1] = ARGV[1] end
  if #refs > 0 then redis.call('HSET', KEYS[1], user, table.concat(refs, '\\n'))
  else redis.call('HDEL', KEYS[1], user) end
end
return redis.status_reply('OK')
`;

/**
 * Removes void refs that a reader met, unless their incarnation stands by now.
 * KEYS: gateways, bucket of users or set of a room. ARGV: user or '' for a room, then (node id, incarnation, ref) each.
 */
export const forgetRefsLua = `
local void = {}
for i = 2, #ARGV, 3 do
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  if not held or string.match(held, '^%d+') ~= ARGV[i + 1] then void[ARGV[i + 2]] = true end
end
if ARGV[1] == '' then
  for ref in pairs(void) do redis.call('SREM', KEYS[2], ref) end
  return redis.status_reply('OK')
end
local refs = {}
for ref in string.gmatch(redis.call('HGET', KEYS[2], ARGV[1]) or '', '[^\\n]+') do
  if not void[ref] then refs[#refs + 1] = ref end
end
if #refs > 0 then redis.call('HSET', KEYS[2], ARGV[1], table.concat(refs, '\\n'))
else redis.call('HDEL', KEYS[2], ARGV[1]) end
return redis.status_reply('OK')
`;

/**
 * KEYS: devices of a user. ARGV: device, connSeq, connection id, life ms. A holder is `<connSeq> <connection id>`.
 * Answers the previous holder's id, '' when there was none or it is the same, false when a later one holds it.
 */
export const claimDeviceLua = `
local held = redis.call('HGET', KEYS[1], ARGV[1])
local seq, id = string.match(held or '', '^(%d+) (.*)$')
if seq and tonumber(seq) > tonumber(ARGV[2]) then return false end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if id == ARGV[3] then return '' end
return id or ''
`;

/** KEYS: devices of a user. ARGV: device, connection id. */
export const releaseDeviceLua = `
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and string.match(held, '^%d+ (.*)$') == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
return redis.status_reply('OK')
`;
