import { isIP } from 'node:net';

/** Any name, or these besides addresses and `localhost`: in lower case, `*.example.com` for all below it. */
export type Hosts = 'any' | ReadonlySet<string>;

/**
 * Reads a comma list of names like `push.example.com` and `*.example.com`; `*`: any; `local`: none besides addresses and localhost.
 * @throws Error whose message completes "NAME …"
 */
export function parseHosts(text: string): Hosts {
  const list = text.split(',').flatMap((item) => item.trim().toLowerCase() || []);
  if (list.includes('*')) return 'any';
  for (const item of list) {
    if (!/^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(item))
      throw new Error(`must list names like push.example.com, without scheme and port; "${item}" is none`);
  }
  return new Set(list);
}

/**
 * Whether a request may name this host (RFC 9110 §7.2). A page can have a name of its own resolve to our address, and be of our
 * origin then; it cannot do that with an address, nor with localhost (RFC 6761 §6.3).
 */
export function isOurHost(hosts: Hosts, sent: string | undefined): boolean {
  if (hosts === 'any' || sent === undefined) return true;
  const [, address, plain = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(sent.toLowerCase()) ?? [];
  if (address !== undefined) return isIP(address) === 6;
  const name = plain.replace(/\.$/, '');
  if (isIP(name) === 4 || name === 'localhost' || name.endsWith('.localhost') || hosts.has(name)) return true;
  for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
    if (hosts.has(`*${name.slice(dot)}`)) return true;
  }
  return false;
}
