import type { TlsFiles } from './tls-files.js';

/** Where Redis is and who we are there. */
export interface RedisAddress {
  /** One server; those who know which server is the primary; or nodes of a cluster. */
  kind: 'server' | 'sentinel' | 'cluster';
  hosts: readonly { host: string; port: number }[];
  /** Of Sentinel: the name of the primary. */
  master: string;
  username?: string | undefined;
  password?: string | undefined;
  db: number;
  isTls: boolean;
  tls?: TlsFiles | undefined;
  /** Who we are to the sentinels, if they ask. */
  sentinelUsername?: string | undefined;
  sentinelPassword?: string | undefined;
}

const form = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/([^?#]*))?$/;

/**
 * Reads `redis[s]://[user:password@]host[:port][/db]`, `redis[s]+sentinel://[…@]host[:port],…/primary[/db]` or
 * `redis[s]+cluster://[…@]host[:port],…`; user and password percent-encoded.
 * @throws Error whose message completes "NAME …" and shows nothing of the address.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const [, scheme, kind = 'server', who, hosts, path = ''] = form.exec(url) ?? [];
  if (scheme === undefined || hosts === undefined) throw new Error(`must be ${forms}`);
  const parts = path.split('/').filter((part) => part !== '');
  const master = kind === 'sentinel' ? parts.shift() : '';
  if (master === undefined) throw new Error('must name the primary behind the sentinels: redis+sentinel://…/mymaster');
  const db = parts.shift() ?? '0';
  if (!/^\d+$/.test(db) || parts.length > 0) throw new Error('must end with the number of a database, or not at all');
  if (kind === 'cluster' && db !== '0') throw new Error('must name no database: a cluster has one only');
  const [username, password] = whoIs(who);
  return {
    kind: kind as RedisAddress['kind'],
    hosts: hosts.split(',').map((host) => hostOf(host, kind === 'sentinel' ? 26_379 : 6_379)),
    master,
    username,
    password,
    db: Number(db),
    isTls: scheme === 'rediss',
  };
}

/** Without a user, as one may be told. */
export function shownRedis({ kind, hosts, master, isTls }: RedisAddress): string {
  const list = hosts.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)).join();
  return `redis${isTls ? 's' : ''}${kind === 'server' ? '' : `+${kind}`}://${list}${master && `/${master}`}`;
}

/** Whether every key under this prefix is in one slot of a cluster. */
export const hasHashTag = (prefix: string): boolean => /^[^{]*\{[^}]+\}/.test(prefix);

const forms =
  'redis://host:port (rediss:// with TLS, user:password@ before the host), ' +
  'redis+sentinel://host:port,…/primary, or redis+cluster://host:port,…';

function whoIs(who: string | undefined): [user: string | undefined, password: string | undefined] {
  if (who === undefined) return [undefined, undefined];
  const colon = who.indexOf(':');
  const [user, password] = colon === -1 ? [who, ''] : [who.slice(0, colon), who.slice(colon + 1)];
  try {
    return [decodeURIComponent(user) || undefined, decodeURIComponent(password) || undefined];
  } catch {
    throw new Error('must have its user and password percent-encoded');
  }
}

function hostOf(text: string, usual: number): { host: string; port: number } {
  const [, bracketed, bare, port = String(usual)] =
    /^(?:\[([\da-fA-F:.]+)\]|([^[\]:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? bare;
  if (host === undefined || Number(port) > 65_535) throw new Error(`must be ${forms}`);
  return { host, port: Number(port) };
}
