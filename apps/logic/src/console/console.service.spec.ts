import { CodedError } from '@app/protocol';
import { ConsoleService } from './console.service.js';

const config = { authMode: 'open' as const, needsKey: false, swagger: true };
const load = { state: 'serving' as const, connections: 0, users: 0, rooms: 0, region: '' };

/** A service whose registry knows gateways at these addresses; one that does not answer without any. */
function service(addresses?: string[]): ConsoleService {
  const best = async () => {
    if (!addresses) throw new CodedError('timeout', 'The registry does not answer.');
    return {
      nodes: addresses.map((address, i) => ({ id: `g${i}`, address, ...load })),
      backoff: { minMs: 1, maxMs: 2 },
    };
  };
  return new ConsoleService(config, { best } as never, (_method, path) => path === '/v1/push/rooms');
}

const connectOf = async (addresses?: string[]) =>
  /connect-src ([^;]*)/.exec(await service(addresses).policy())![1]!.split(' ');

describe('the policy of the page', () => {
  it('lets it connect to its server and to the gateways, each once', async () => {
    const addresses = ['ws://10.0.0.1:8888/connect', 'wss://push.example.com/connect', 'ws://10.0.0.1:8888/other'];
    expect(await connectOf(addresses)).toEqual(["'self'", 'ws://10.0.0.1:8888', 'wss://push.example.com']);
  });

  it('allows a scheme for IPv6 addresses, which policies cannot name', async () => {
    expect(await connectOf(['ws://[::1]:8888/connect'])).toEqual(["'self'", 'ws:']);
  });

  it('takes no more into it than an address is', async () => {
    const odd = ["ws://x; script-src 'unsafe-inline'", 'javascript:alert(1)', 'http://10.0.0.1/', '', 'ws://a b/'];
    expect(await connectOf(odd)).toEqual(["'self'"]);
  });

  it('stands while the registry does not answer', async () => {
    expect(await connectOf()).toEqual(["'self'"]);
  });

  it('allows nothing inline, no other host, no frame', async () => {
    const policy = await service([]).policy();
    expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
    for (const closed of ['default-src', 'base-uri', 'form-action', 'frame-ancestors']) {
      expect(policy).toContain(`${closed} 'none'`);
    }
  });
});

describe('what the page is told', () => {
  it('is what there is, and no key', async () => {
    expect(await service(['ws://10.0.0.1:8888/connect', 'nonsense']).settings()).toEqual({
      authMode: 'open',
      needsKey: false,
      docs: true,
      targets: ['rooms'],
      gateways: [{ id: 'g0', address: 'ws://10.0.0.1:8888/connect' }],
    });
  });

  it('has no gateways while the registry does not answer', async () => {
    expect(await service().settings()).toMatchObject({ gateways: [] });
  });

  it('refuses files that are none', () => {
    for (const name of ['x.js', '__proto__', '../page.css', '']) {
      expect(() => service([]).file(name)).toThrow(CodedError);
    }
  });
});
