import type { IncomingMessage } from 'node:http';
import { isIP, type BlockList } from 'node:net';
import { plainAddress } from '@app/runtime';

/**
 * Who connects: the peer, or while that is a trusted proxy, whom it says it speaks for (`X-Forwarded-For`, read from the
 * right; the first that is not trusted is the client).
 */
export function remoteAddressOf(request: IncomingMessage, trusted: BlockList): string {
  let address = plainAddress(request.socket.remoteAddress);
  const said = request.headers['x-forwarded-for'];
  if (said === undefined) return address;
  const hops = (Array.isArray(said) ? said.join(',') : said).split(',');
  for (let hop = hops.pop(); hop !== undefined && isTrusted(address, trusted); hop = hops.pop()) {
    const next = plainAddress(hop.trim());
    if (isIP(next) === 0) break;
    address = next;
  }
  return address;
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const family = isIP(address);
  return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
