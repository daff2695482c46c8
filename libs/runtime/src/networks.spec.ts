import { parseNetworks } from './networks.js';

describe('networks', () => {
  it('hold addresses and networks of both families', () => {
    const { list, addresses } = parseNetworks(' 10.0.0.0/8, 127.0.0.1,fd00::/8,');
    expect(list).toEqual(['10.0.0.0/8', '127.0.0.1', 'fd00::/8']);
    expect(['10.9.8.7', '127.0.0.1', '127.0.0.2'].map((address) => addresses.check(address))).toEqual([
      true,
      true,
      false,
    ]);
    expect(addresses.check('fd12::1', 'ipv6')).toBe(true);
    expect(parseNetworks('').list).toEqual([]);
  });

  it.each(['10.0.0', '10.0.0.0/33', 'fd00::/129', '10.0.0.0/x', 'proxy.example.com'])('refuse %j', (text) => {
    expect(() => parseNetworks(text)).toThrow('must list addresses and networks');
  });
});
