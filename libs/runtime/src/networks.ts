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
