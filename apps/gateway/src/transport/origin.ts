import type { IncomingMessage } from 'node:http';
import { isListed, type Origins } from '@app/runtime';

/** Whether a page of this origin may connect. `allowed` empty: only pages of the host that they connect to. */
export function isAllowedOrigin(request: Pick<IncomingMessage, 'headers'>, allowed: Origins): boolean {
  const origin = request.headers.origin;
  if (allowed === 'any' || origin === undefined) return true;
  if (allowed.size > 0) return isListed(allowed, origin);
  return URL.canParse(origin) && new URL(origin).host === hostOf(request);
}

/** As URL writes it, without the port that is the scheme's own. */
function hostOf(request: Pick<IncomingMessage, 'headers'>): string | undefined {
  const host = request.headers.host?.toLowerCase() ?? '';
  return host.replace(/:(80|443)$/, '');
}
