import type { IncomingMessage } from 'node:http';
import { isListed, isOriginOf, type Origins } from '@app/runtime';

/** Whether a page of this origin may connect. `allowed` empty: only pages of the host that they connect to. */
export function isAllowedOrigin(request: Pick<IncomingMessage, 'headers'>, allowed: Origins): boolean {
  const origin = request.headers.origin;
  if (allowed === 'any' || origin === undefined) return true;
  if (allowed.size > 0) return isListed(allowed, origin);
  return isOriginOf(origin, request.headers.host);
}
