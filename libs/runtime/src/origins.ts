import { isIP } from 'node:net';

/** Any page, or those of these origins: as browsers write them, `https://*.example.com`, or `null`. */
export type Origins = 'any' | ReadonlySet<string>;

/**
 * Reads a comma list of origins like `https://app.example.com`, `https://*.example.com` (one label or more before it) and
 * `null`, which pages without an origin of their own send; `*`: any.
 * @throws Error whose message completes "NAME …"
 */
export function parseOrigins(text: string): Origins {
  const list = text.split(',').flatMap((item) => item.trim() || []);
  if (list.includes('*')) return 'any';
  return new Set(
    list.map((item) => {
      const origin = item.includes('*') ? wildcard(item) : normalOrigin(item);
      if (origin === undefined)
        throw new Error(
          `must list origins like https://app.example.com or https://*.example.com; "${item}" is not one`,
        );
      return origin;
    }),
  );
}

/** Whether the list names what a browser sent as `Origin`; case and the scheme's own port make no difference. */
export function isListed(allowed: Origins, sent: string): boolean {
  if (allowed === 'any') return true;
  const origin = normalOrigin(sent);
  if (origin === undefined) return false;
  if (allowed.has(origin)) return true;
  const begin = origin.indexOf('://') + 3;
  for (let dot = origin.indexOf('.', begin); dot > 0; dot = origin.indexOf('.', dot + 1)) {
    if (allowed.has(`${origin.slice(0, begin)}*${origin.slice(dot)}`)) return true;
  }
  return false;
}

/** Whether pages of this origin come from `host`, as a request names it. */
export function isOriginOf(origin: string, host = ''): boolean {
  // As URL writes it, without the port that is the scheme's own.
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase().replace(/:(80|443)$/, '');
}

/** As browsers write it (https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin); undefined when it is none. */
function normalOrigin(text: string): string | undefined {
  if (text.toLowerCase() === 'null') return 'null';
  if (!/^https?:\/\/[^/\\?#@\s*]+$/i.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text).origin;
}

/** What stands behind the star must be a domain of two labels, or localhost: never all of a top-level domain. */
function wildcard(text: string): string | undefined {
  const [, scheme, rest] = /^(https?:\/\/)\*\.(.+)$/i.exec(text) ?? [];
  const origin = rest === undefined ? undefined : normalOrigin(`${scheme}${rest}`);
  if (origin === undefined) return undefined;
  const { hostname } = new URL(origin);
  const isDomain = hostname === 'localhost' || (/[^.]\.[^.]/.test(hostname) && isIP(hostname) === 0);
  return isDomain ? origin.replace('://', '://*.') : undefined;
}
