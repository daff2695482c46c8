/*
 * Three keys: places (sorted set, key → place), ends (sorted set, key → until ms), befores (hash, key → before ms, users
 * only), and the last place that was given. A place is microseconds since 1970 or one more than the last: a Redis that was
 * emptied goes on above what it gave out.
 */

/** KEYS: places, ends, befores, last. ARGV: key, until ms, before ms (0: a token). */
export const revokeLua = `
local t = redis.call('TIME')
local us = t[1] * 1000000 + t[2]
local past = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', math.floor(us / 1000)), 'LIMIT', 0, 1000)
if #past > 0 then
  redis.call('ZREM', KEYS[1], unpack(past))
  redis.call('ZREM', KEYS[2], unpack(past))
  redis.call('HDEL', KEYS[3], unpack(past))
end
local place = string.format('%.0f', math.max(us, tonumber(redis.call('GET', KEYS[4]) or 0) + 1))
redis.call('SET', KEYS[4], place)
redis.call('ZADD', KEYS[1], place, ARGV[1])
redis.call('ZADD', KEYS[2], 'GT', ARGV[2], ARGV[1])
if tonumber(ARGV[3]) > tonumber(redis.call('HGET', KEYS[3], ARGV[1]) or 0) then redis.call('HSET', KEYS[3], ARGV[1], ARGV[3]) end
return 'OK'
`;

/** KEYS: places, ends, befores. ARGV: last, limit. Answers (key, place, until ms, before ms) each, as texts. */
export const readRevokedLua = `
local rows = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local answer = {}
for i = 1, #rows, 2 do
  answer[#answer + 1] = rows[i]
  answer[#answer + 1] = rows[i + 1]
  answer[#answer + 1] = redis.call('ZSCORE', KEYS[2], rows[i]) or '0'
  answer[#answer + 1] = redis.call('HGET', KEYS[3], rows[i]) or '0'
end
return answer
`;
