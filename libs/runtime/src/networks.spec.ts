import { networkOf, parseNetworks, plainAddress } from './networks.js';

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

describe('whom an address belongs to', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:0207', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1:2:3:4:5::192.0.2.7', '1:2:3:4::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s: %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it('is IPv4 also on a socket that takes both families', () => {
    expect(plainAddress('::ffff:127.0.0.1')).toBe('127.0.0.1');
    expect(plainAddress('::1')).toBe('::1');
    expect(plainAddress(undefined)).toBe('');
  });
});
