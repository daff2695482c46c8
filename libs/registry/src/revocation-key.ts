import type { Revocation } from './revocation-list.js';

/** What a revocation is of: neither names nor token ids hold line breaks. */
export const revocationKey = (revocation: Revocation): string =>
  revocation.kind === 'token' ? tokenKey(revocation.app, revocation.id) : userKey(revocation.app, revocation.user);

export const tokenKey = (app: string, id: string): string => `t\n${app}\n${id}`;
export const userKey = (app: string, user: string): string => `u\n${app}\n${user}`;

export function parseRevocationKey(key: string): { kind: 'token' | 'user'; app: string; name: string } {
  const [kind, app = '', name = ''] = key.split('\n');
  return { kind: kind === 't' ? 'token' : 'user', app, name };
}
