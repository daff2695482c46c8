import { CodedError, NamePatterns, RoomPolicies } from '@app/protocol';
import { createMemoryRegistry, type NodeSeen } from '@app/registry';
import type { AdmissionRequest, Contract } from '@app/rpc';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { LogicMetrics } from '../logic.metrics.js';
import { Gateways } from '../node/gateways.js';
import { Authenticator, type Identity } from './authenticator.js';
import { OpenAuthenticator } from './open.authenticator.js';
import { RoomJudge } from './room-judge.js';
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

const revoked = { isKnown: true, has: ({ id }: { id: string | undefined }) => id === 'revoked' };
const judge = (policies: string) =>
  new RoomJudge(RoomPolicies.parse(policies), {
    ask: ({ room, user }) =>
      Promise.resolve(user === 'u1' ? { ok: true } : { ok: false, room, code: 'room_forbidden', message: 'no' }),
  });

const service = (who: Authenticator = new OpenAuthenticator(), gateways = new Asked(), policies = '') =>
  new SessionService(who, revoked, judge(policies), registry().devices, gateways, new LogicMetrics(new Metrics()));

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

  it('refuses what was revoked, and everybody while it is not known what was', async () => {
    const token = { id: 'revoked', issuedAtMs: 0 };
    const sessions = service(new Fixed({ user: 'u1', labels: {}, expiresAtMs: 0, token }));
    expect((await sessions.admit([asking()]))[0]).toMatchObject({ ok: false, code: 'unauthenticated' });
    expect(await sessions.refresh({ token: 't', app: 'default', user: 'u1' })).toMatchObject({ ok: false });
    revoked.isKnown = false;
    expect((await sessions.admit([asking()]))[0]).toMatchObject({ ok: false, code: 'auth_unavailable' });
    revoked.isKnown = true;
  });

  it('lets the device of a token win, and takes no new token of another', async () => {
    const sessions = service(new Fixed({ user: 'u1', device: 'phone', labels: {}, expiresAtMs: 0 }));
    expect((await sessions.admit([asking({ device: 'tablet' })]))[0]).toMatchObject({ device: 'phone' });
    const request = { token: 't', app: 'default', user: 'u1' };
    expect(await sessions.refresh({ ...request, device: 'phone' })).toMatchObject({ ok: true });
    expect(await sessions.refresh({ ...request, device: 'tablet' })).toMatchObject({ ok: false });
  });

  it('answers which rooms one may join, why not the others, and what is needed for joins to come', async () => {
    const rooms = NamePatterns.parse(['live:*', 'sys:1'])!;
    const policies = 'sys:=api,shop:=webhook,lobby=open';
    const asked = ['live:1', 'other', 'sys:1', 'shop:1', 'lobby'];
    for (const user of ['u1', 'u2']) {
      const sessions = service(new Fixed({ user, rooms, labels: {}, expiresAtMs: 0 }), new Asked(), policies);
      const [admission] = await sessions.admit([asking({ rooms: asked })]);
      expect(admission).toMatchObject({
        rooms: user === 'u1' ? ['live:1', 'shop:1', 'lobby'] : ['live:1', 'lobby'],
        allowedRooms: ['live:*', 'sys:1'],
        roomPolicies: policies,
      });
      const { refusedRooms } = admission as Extract<typeof admission, { ok: true }>;
      expect(refusedRooms!.map(({ room, code }) => [room, code])).toEqual(
        ['other', 'sys:1', ...(user === 'u1' ? [] : ['shop:1'])].map((room) => [room, 'room_forbidden']),
      );
    }
  });

  it('judges each alone: one that cannot be judged now keeps nobody else out', async () => {
    const away = new CodedError('auth_unavailable', 'away');
    const sessions = service({
      identify: ({ user }) => (user === 'u1' ? Promise.reject(away) : Promise.resolve({ labels: {}, expiresAtMs: 0 })),
    });
    expect(await sessions.admit([asking({ user: 'u1' }), asking()])).toMatchObject([
      { ok: false, code: 'auth_unavailable' },
      { ok: true },
    ]);
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
