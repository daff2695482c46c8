import type { Scope } from './api-key.js';

/**
 * The scope that each route asks for, by method and path as Fastify knows them. A route that is not here is open to no
 * key at all, so none can be forgotten.
 */
const byRoute: Readonly<Record<string, Scope | undefined>> = {
  'POST /v1/push/all': 'push',
  'POST /v1/push/rooms': 'push',
  'POST /v1/push/users': 'push',
  'POST /v1/push/devices': 'push',
  'POST /v1/push/connections': 'push',
  'POST /v1/push/labels': 'push',
  'POST /v1/push/batch': 'push',

  'GET /v1/rooms': 'read',
  'GET /v1/rooms/:room': 'read',
  'GET /v1/rooms/:room/members': 'read',
  'GET /v1/rooms/:room/users': 'read',
  'POST /v1/rooms/:room/join': 'manage',
  'POST /v1/rooms/:room/leave': 'manage',

  'GET /v1/users': 'read',
  'GET /v1/users/:user': 'read',
  'GET /v1/users/:user/rooms': 'read',
  'POST /v1/users/online': 'read',
  'DELETE /v1/users/:user/connections': 'manage',

  'DELETE /v1/connections/:id': 'manage',
  'PATCH /v1/connections/:id/labels': 'manage',

  'POST /v1/tokens/revoke': 'manage',

  'GET /v1/channels/:channel/history': 'read',
  'GET /v1/dead-letters': 'read',
  'POST /v1/dead-letters/replay': 'manage',
  'GET /v1/online': 'read',
  'GET /v1/nodes': 'read',

  'ANY /push/all': 'push',
  'ANY /push/room': 'push',
  'ANY /room/join': 'manage',
  'ANY /room/leave': 'manage',
};

/** What a route asks for; `path` as Fastify knows it (`/v1/rooms/:room`). Undefined: nobody has said. */
export function scopeOf(method: string, path: string): Scope | undefined {
  return byRoute[`${method === 'HEAD' ? 'GET' : method} ${path}`] ?? byRoute[`ANY ${path}`];
}

/** Health, metrics, the documentation and the page for people ask for no key. */
export const isPublic = (path: string): boolean =>
  path === '/' || /^\/(health|metrics|docs|docs-json|docs-yaml|console)(\/|$)/.test(path);
