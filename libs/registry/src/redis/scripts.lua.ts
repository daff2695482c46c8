/*
 * A node in the hash of its kind: `<incarnation> <lease end ms> <lease ms> <entry as JSON>`. Only Redis's clock judges leases.
 */
const clock = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`;

/**
 * A number above all before it, and not below the time: a Redis that forgot its counter goes on above what it gave out.
 * KEYS: counter. ARGV: what the time is counted in, in microseconds.
 */
export const nextLua = `
local t = redis.call('TIME')
local now = math.floor((t[1] * 1000000 + t[2]) / tonumber(ARGV[1]))
local next = math.max(tonumber(redis.call('GET', KEYS[1]) or 0) + 1, now)
redis.call('SET', KEYS[1], string.format('%.0f', next))
return next
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

/** A ref is `<node id>~<incarnation in base 36>`. */
const parse = `
local function parse(ref)
  local id, life = string.match(ref, '^(.*)~(%w+)$')
  return id, tonumber(life or '', 36) or 0
end
`;

/**
 * A node's changes of users in one bucket. KEYS: bucket, what precedes an app's name in the key of its users online.
 * ARGV: ref, then ('+' or '-', `<app>/<user>`) each. A user's refs are lines. An arriving ref drops those of the same
 * node's earlier lives.
 */
export const usersLua = `${parse}
local id, life = parse(ARGV[1])
for i = 2, #ARGV, 2 do
  local isPresent, user = ARGV[i] == '+', ARGV[i + 1]
  local app, name = string.match(user, '^([^/]*)/(.*)$')
  local held = redis.call('HGET', KEYS[1], user)
  local refs = {}
  for ref in string.gmatch(held or '', '[^\\n]+') do
    local otherId, otherLife = parse(ref)
    if ref ~= ARGV[1] and not (isPresent and otherId == id and otherLife < life) then refs[#refs + 1] = ref end
  end
  if isPresent then refs[#refs + 1] = ARGV[1] end
  if #refs > 0 then
    redis.call('HSET', KEYS[1], user, table.concat(refs, '\\n'))
    if not held then redis.call('ZADD', KEYS[2] .. app, 0, name) end
  else
    redis.call('HDEL', KEYS[1], user)
    redis.call('ZREM', KEYS[2] .. app, name)
  end
end
return redis.status_reply('OK')
`;

/** KEYS 1–3: a room's members by ref, the rooms of its app by name, and by size (its negative, so that ties go by name). */
const writeRoom = `
local function write(room)
  local members = 0
  for _, count in ipairs(redis.call('HVALS', KEYS[1])) do members = members + count end
  if members > 0 then
    redis.call('ZADD', KEYS[2], 0, room)
    redis.call('ZADD', KEYS[3], -members, room)
  else
    redis.call('ZREM', KEYS[2], room)
    redis.call('ZREM', KEYS[3], room)
  end
end
`;

/**
 * A node holds a room, or does not any more. KEYS: see writeRoom. ARGV: room, '+' or '-', ref. The first member counts at
 * once. An arriving ref drops those of the same node's earlier lives.
 */
export const roomLua = `${parse}${writeRoom}
local ref = ARGV[3]
if ARGV[2] == '+' then
  local id, life = parse(ref)
  for _, other in ipairs(redis.call('HKEYS', KEYS[1])) do
    local otherId, otherLife = parse(other)
    if otherId == id and otherLife < life then redis.call('HDEL', KEYS[1], other) end
  end
  redis.call('HSETNX', KEYS[1], ref, 1)
else
  redis.call('HDEL', KEYS[1], ref)
end
write(ARGV[1])
return redis.status_reply('OK')
`;

/**
 * How many members a node has in a room that it holds. KEYS: members by ref, rooms of the app by size. ARGV: room, ref,
 * members. Answers 0 when the node does not hold it.
 */
export const reportLua = `
local before = redis.call('HGET', KEYS[1], ARGV[2])
if not before then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('ZINCRBY', KEYS[2], before - ARGV[3], ARGV[1])
return 1
`;

/** Void refs that a reader met, unless their incarnation stands by now: (node id, incarnation, ref) from `first` on. */
const stillVoid = (gateways: string, first: number): string => `
local void = {}
for i = ${first}, #ARGV, 3 do
  local held = redis.call('HGET', ${gateways}, ARGV[i])
  if not held or string.match(held, '^%d+') ~= ARGV[i + 1] then void[ARGV[i + 2]] = true end
end
`;

/** KEYS: bucket, users online of the app, gateways. ARGV: `<app>/<user>`, user, then void refs. */
export const forgetUserLua = `${stillVoid('KEYS[3]', 3)}
local refs = {}
for ref in string.gmatch(redis.call('HGET', KEYS[1], ARGV[1]) or '', '[^\\n]+') do
  if not void[ref] then refs[#refs + 1] = ref end
end
if #refs > 0 then redis.call('HSET', KEYS[1], ARGV[1], table.concat(refs, '\\n'))
else
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[2])
end
return redis.status_reply('OK')
`;

/** KEYS: see writeRoom, then gateways. ARGV: room, then void refs. */
export const forgetRoomLua = `${writeRoom}${stillVoid('KEYS[4]', 2)}
for ref in pairs(void) do redis.call('HDEL', KEYS[1], ref) end
write(ARGV[1])
return redis.status_reply('OK')
`;

/**
 * KEYS: devices of a user. ARGV: device, connSeq, connection id, life ms. A device's claims are lines of
 * `<connSeq> <connection id>`. Answers the others' ids, false when one of them is later.
 */
export const claimDeviceLua = `
local lines, others = {}, {}
for seq, id in string.gmatch(redis.call('HGET', KEYS[1], ARGV[1]) or '', '(%d+) ([^\\n]+)') do
  if id ~= ARGV[3] then
    if tonumber(seq) > tonumber(ARGV[2]) then return false end
    lines[#lines + 1] = seq .. ' ' .. id
    others[#others + 1] = id
  end
end
lines[#lines + 1] = ARGV[2] .. ' ' .. ARGV[3]
redis.call('HSET', KEYS[1], ARGV[1], table.concat(lines, '\\n'))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return others
`;

/** KEYS: devices of a user. ARGV: device, connection id. */
export const releaseDeviceLua = `
local held = redis.call('HGET', KEYS[1], ARGV[1])
if not held then return redis.status_reply('OK') end
local lines = {}
for line in string.gmatch(held, '[^\\n]+') do
  if string.match(line, '^%d+ (.*)$') ~= ARGV[2] then lines[#lines + 1] = line end
end
if #lines > 0 then redis.call('HSET', KEYS[1], ARGV[1], table.concat(lines, '\\n'))
else redis.call('HDEL', KEYS[1], ARGV[1]) end
return redis.status_reply('OK')
`;

/**
 * Puts users into a room to stay. KEYS: users of the room, what precedes `<app>/<user>` in the key of a user's rooms.
 * ARGV: app, room, limit, users. Answers '+', '=' (is in) or 'full' for each.
 */
export const enrolLua = `
local answers = {}
for i = 4, #ARGV do
  local rooms = KEYS[2] .. ARGV[1] .. '/' .. ARGV[i]
  if redis.call('ZSCORE', rooms, ARGV[2]) then answers[#answers + 1] = '='
  elseif redis.call('ZCARD', rooms) >= tonumber(ARGV[3]) then answers[#answers + 1] = 'full'
  else
    redis.call('ZADD', rooms, 0, ARGV[2])
    redis.call('ZADD', KEYS[1], 0, ARGV[i])
    answers[#answers + 1] = '+'
  end
end
return answers
`;

/** Takes users out of a room again. KEYS: see enrolLua. ARGV: app, room, users. Answers 1 or 0 for each. */
export const expelLua = `
local answers = {}
for i = 3, #ARGV do
  answers[#answers + 1] = redis.call('ZREM', KEYS[2] .. ARGV[1] .. '/' .. ARGV[i], ARGV[2])
  redis.call('ZREM', KEYS[1], ARGV[i])
end
return answers
`;
