import { CodedError } from '@app/protocol';
import { createMemoryRegistry, type NodeSeen } from '@app/registry';
import type { AdmissionRequest, Contract } from '@app/rpc';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { LogicMetrics } from '../logic.metrics.js';
import { Gateways } from '../node/gateways.js';
import { Authenticator, type Identity } from './authenticator.js';
import { OpenAuthenticator } from './open.authenticator.js';
import { SessionService } from './session.service.js';

const registry = () => createMemoryRegistry(new ManualClock());
const asking = (more: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
  rooms: [],
  labels: {},
  remoteAddress: '127.0.0.1',
  ...more,
});

class Asked extends Gateways {
  readonly asked: [string, string, unknown][] = [];

  constructor(
    private readonly there: Partial<NodeSeen>[] = [],
    private readonly silent: readonly string[] = [],
  ) {
    super(registry().nodes, '', silentLog);
  }

  override async standing(): Promise<NodeSeen[]> {
    return this.there as NodeSeen[];
  }

  override async ask<Q, A>(node: NodeSeen, contract: Contract<Q, A>, request: Q): Promise<A> {
    this.asked.push([node.id, contract.pattern, request]);
    if (this.silent.includes(node.id)) throw new CodedError('timeout', `${node.id} is silent`);
    return {} as A;
  }
}

class Fixed extends Authenticator {
  constructor(private readonly identity: Identity | Error) {
    super();
  }

  async identify(): Promise<Identity> {
    if (this.identity instanceof Error) throw this.identity;
    return this.identity;
  }
}

const service = (who: Authenticator = new OpenAuthenticator(), gateways = new Asked()) =>
  new SessionService(who, registry().devices, gateways, new LogicMetrics(new Metrics()));

describe('SessionService', () => {
  it('answers each in order, a refusal beside the admitted', async () => {
    const requests = [asking({ user: 'u1', rooms: ['r'] }), asking({ user: 'a b' }), asking()];
    expect(await service().admit(requests)).toEqual([
      { ok: true, app: 'default', user: 'u1', rooms: ['r'], labels: {}, expiresAtMs: 0 },
      { ok: false, code: 'bad_name', message: expect.any(String) },
      { ok: true, app: 'default', rooms: [], labels: {}, expiresAtMs: 0 },
    ]);
  });

  it('draws a rising number for a device of a user, and none for a device of nobody', async () => {
    const sessions = service();
    const phone = asking({ user: 'u1', device: 'phone' });
    const [first] = await sessions.admit([phone]);
    const [second] = await sessions.admit([phone]);
    expect(first).toMatchObject({ device: 'phone' });
    expect((second as { connSeq: number }).connSeq).toBeGreaterThan((first as { connSeq: number }).connSeq);
    expect((await sessions.admit([asking({ device: 'phone' })]))[0]).not.toHaveProperty('connSeq');
  });

  it('lets the credentials win over what was asked for', async () => {
    const labels = { platform: 'ios', ...Object.fromEntries(Array.from({ length: 19 }, (_, i) => [`l${i}`, ''])) };
    const sessions = service(new Fixed({ user: 'u1', app: 'shop', labels, expiresAtMs: 5 }));
    const [admission] = await sessions.admit([asking({ app: 'other', labels: { platform: 'web', beta: '' } })]);
    expect(admission).toEqual({ ok: true, app: 'shop', user: 'u1', rooms: [], labels, expiresAtMs: 5 });
  });

  it('rejects when nobody can be judged, instead of refusing', async () => {
    await expect(service(new Fixed(new Error('away'))).admit([asking()])).rejects.toThrow('away');
  });

  it('takes a new token of the same user and app only', async () => {
    const sessions = service(new Fixed({ user: 'u1', app: 'shop', labels: { a: 'b' }, expiresAtMs: 7 }));
    expect(await sessions.refresh({ token: 't', app: 'shop', user: 'u1' })).toMatchObject({ ok: true, expiresAtMs: 7 });
    expect(await sessions.refresh({ token: 't', app: 'shop', user: 'u2' })).toMatchObject({
      ok: false,
      code: 'unauthenticated',
    });
    expect(await sessions.refresh({ token: 't', app: 'other', user: 'u1' })).toMatchObject({ ok: false });
  });

  it('has replaced connections closed where they are', async () => {
    const there = [
      { id: 'g1', incarnation: 1, leased: true },
      { id: 'g2', incarnation: 2, leased: true },
    ];
    const gateways = new Asked(there);
    const sessions = service(new OpenAuthenticator(), gateways);
    expect(await sessions.replaced(['g1~1~a', 'g2~1~b', 'g3~1~c', 'g1~1~d', 'nonsense'])).toEqual([]);
    const close = { connections: ['g1~1~a', 'g1~1~d'], why: 'replaced', reason: 'replaced' };
    expect(gateways.asked).toEqual([['g1', 'session.kick', close]]);
  });

  it('says of which it is not known, until their gateway is dead: silent, and its lease over', async () => {
    const there = [
      { id: 'g1', incarnation: 1, leased: true },
      { id: 'g2', incarnation: 1, leased: true },
      { id: 'g3', incarnation: 1, leased: false },
      { id: 'g4', incarnation: 1, leased: false },
    ];
    const gateways = new Asked(there, ['g2', 'g3']);
    const sessions = service(new OpenAuthenticator(), gateways);
    expect(await sessions.replaced(['g1~1~a', 'g2~1~b', 'g3~1~c', 'g4~1~d'])).toEqual(['g2~1~b']);
    expect(gateways.asked.map(([id]) => id)).toEqual(['g1', 'g2', 'g3', 'g4']);
  });
});
