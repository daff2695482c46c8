import { BlockList, isIP } from 'node:net';

/** Addresses and networks: as text (what Fastify takes) and as what an address can be looked up in. */
export interface Networks {
  readonly list: readonly string[];
  readonly addresses: BlockList;
}

/**
 * Reads a comma list of addresses and networks like `10.0.0.0/8`; empty = none.
 * @throws Error whose message completes "NAME …".
 */
export function parseNetworks(text: string): Networks {
  const list = text.split(',').flatMap((item) => item.trim() || []);
  const addresses = new BlockList();
  for (const item of list) {
    const [address = '', bits] = item.split('/');
    const version = isIP(address);
    const width = version === 6 ? 128 : 32;
    const prefix = bits === undefined ? width : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN;
    if (version === 0 || !(prefix <= width)) {
      throw new Error(`must list addresses and networks like 10.0.0.0/8; "${item}" is none`);
    }
    addresses.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4');
  }
  return { list, addresses };
}

/** An IPv4 address as such, also where a socket that takes both families wrote it as IPv6. */
export function plainAddress(address = ''): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address);
  if (!hex) return address;
  const [high, low] = [parseInt(hex[1]!, 16), parseInt(hex[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** Whom an address belongs to: an IPv4 address itself, the /64 of an IPv6 one, of which one subscriber has as many as he likes. */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (isIP(plain) !== 6) return plain;
  const [head = '', tail] = plain.split('%', 1)[0]!.split('::', 2);
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const width = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0);
    const missing = 8 - groups.length - width;
    for (let n = 0; n < missing; n += 1) groups.push('0');
    if (tail !== '') groups.push(...tail.split(':'));
  }
  const network = groups.slice(0, 4).map((group) => parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
