/**
 * KEYS: owner of the shard. ARGV: epoch, owner epoch. Answers up to where the shard is retained, as text, when it is now this
 * owner's; nothing when a later one has it.
 */
export const claimLua = `
local held = redis.call('HMGET', KEYS[1], 'epoch', 'owner', 'to')
if held[1] == ARGV[1] then
  if tonumber(held[2]) > tonumber(ARGV[2]) then return false end
else
  if held[1] then redis.call('HSET', KEYS[1], 'past:' .. held[1], 1) end
  redis.call('HDEL', KEYS[1], 'past:' .. ARGV[1], 'to', 'done')
  held[3] = false
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'owner', ARGV[2])
return held[3] or '-1'
`;

/**
 * KEYS: names of the epochs. ARGV: life, a fresh name, the name to be replaced or ''. Answers the life's epoch, which is
 * now the current one.
 */
export const epochLua = `
local life = 'of:' .. ARGV[1]
local epoch = redis.call('HGET', KEYS[1], life)
if not epoch or epoch == ARGV[3] then
  epoch = ARGV[2]
  redis.call('HSET', KEYS[1], life, epoch)
end
redis.call('HSET', KEYS[1], 'current', epoch)
return epoch
`;
