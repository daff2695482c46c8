import type { IncomingMessage } from 'node:http';

/** Whether a page of this origin may connect. `allowed` empty: only pages of the host that they connect to. */
export function isAllowedOrigin(request: IncomingMessage, allowed: 'any' | ReadonlySet<string>): boolean {
  const origin = request.headers.origin?.toLowerCase();
  if (allowed === 'any' || origin === undefined) return true;
  if (allowed.size > 0) return allowed.has(origin);
  return URL.canParse(origin) && new URL(origin).host === hostOf(request);
}

/** As URL writes it, without the port that is the scheme's own. */
function hostOf(request: IncomingMessage): string | undefined {
  const host = request.headers.host?.toLowerCase() ?? '';
  return host.replace(/:(80|443)$/, '');
}
