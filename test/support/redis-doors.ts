import { Redis } from 'ioredis';
import { TlsFiles } from '@app/runtime';
import type { Authority } from './certificates.js';
import { startRedis, type RedisServer } from './redis-server.js';

/** Whom it knows. */
export const redisUser = { username: 'skylark', password: 'p@ss:w/rd' };

/** What docs/operations.md tells an operator to allow. */
const needed =
  '+@read +@write +@connection +@scripting +@transaction -@dangerous -@admin ' +
  '+ping +time +info +wait +config|get +cluster|slots +cluster|keyslot';

/** A Redis that speaks TLS only, asks for certificates of `authority`, and knows nobody but `redisUser`, who may do what we need. */
export async function startLockedRedis(authority: Authority, keys: string): Promise<RedisServer> {
  const tls = await authority.issue();
  const server = await startRedis({ tls, appendonly: true });
  const { username, password } = redisUser;
  const admin = new Redis(server.port, '127.0.0.1', { tls: new TlsFiles(tls).now().material });
  await admin.call('ACL', 'SETUSER', username, 'on', `>${password}`, `~${keys}`, ...needed.split(' '));
  await admin.call('ACL', 'SETUSER', 'default', 'off');
  admin.disconnect();
  return { ...server, url: `rediss://${username}:${encodeURIComponent(password)}@127.0.0.1:${server.port}` };
}
