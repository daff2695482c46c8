/**
 * KEYS: the key's hash. ARGV: hash of the body, stamp, pending ms, ttl ms.
 * Answers `begun`; or `pending` and the stamp; or `done` and the answer; or `conflict`.
 */
export const beginKeyLua = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'hash', 'answer', 'stamp', 'begun')
if held[1] and held[1] ~= ARGV[1] then return {'conflict'} end
if held[2] then return {'done', held[2]} end
if held[3] and now - tonumber(held[4]) < tonumber(ARGV[3]) then return {'pending', held[3]} end
redis.call('HSET', KEYS[1], 'hash', ARGV[1], 'stamp', ARGV[2], 'begun', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {'begun'}
`;

/** KEYS: the key's hash. ARGV: hash of the body, answer, ttl ms. Answers the answer that stands. */
export const endKeyLua = `
local held = redis.call('HMGET', KEYS[1], 'hash', 'answer')
if held[1] and held[1] ~= ARGV[1] then return ARGV[2] end
if held[2] then return held[2] end
redis.call('HSET', KEYS[1], 'hash', ARGV[1], 'answer', ARGV[2])
redis.call('HDEL', KEYS[1], 'stamp', 'begun')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return ARGV[2]
`;
