import type { DeviceDirectory } from '@app/registry';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { inEveryOrder, inManyOrders, type Steps } from '../../../test/support/every-order.js';
import { Farewell } from './inbound/farewell.js';
import { ChannelTable } from './room/channel-table.js';
import { FakeConnection } from './session/connection.contract.js';
import { Outboxes } from './session/outboxes.js';
import { SessionTable } from './session/session-table.js';
import type { Session } from './session/session.js';
import { DeviceClaims } from './upstream/device-claims.js';

export interface OpenedDevices {
  devices: DeviceDirectory;
  /** Forgets everything, as a flush does. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** A client's connection; its socket reports the close when its turn comes. */
class Line extends FakeConnection {
  onEnd: () => void = () => {};

  override close(code: number, reason: string): void {
    const wasOpen = this.isOpen;
    super.close(code, reason);
    if (wasOpen) this.onEnd();
  }
}

/** Two gateways and a logic over one directory; whatever crosses a wire is a step. */
class World {
  readonly clock = new ManualClock();
  readonly lines = new Map<string, { line: Line; session: Session; id: string }>();
  readonly gateways: Record<string, Gateway>;
  /** So many calls of logic are not answered. */
  unanswered = 0;

  constructor(
    readonly steps: Steps,
    readonly opened: OpenedDevices,
    readonly user: string,
  ) {
    this.gateways = { g1: new Gateway(this, 'g1'), g2: new Gateway(this, 'g2') };
  }

  /** From the upgrade to the claim, as admission and arrival do it: one whose claim fails is told to come back. */
  async connect(name: string, at: string): Promise<void> {
    const connSeq = await this.steps.step(`admit ${name}`, () =>
      this.opened.devices.nextSeq('default', this.user, 'phone'),
    );
    const gateway = this.gateways[at]!;
    if (gateway.isDead) return;
    const line = new Line();
    const session = gateway.sessions.add(line);
    session.become({ app: 'default', user: this.user, device: 'phone', connSeq, expiresAtMs: 0 });
    session.state = 'live';
    line.onEnd = () => {
      void this.steps.step(`close ${name}`, () => gateway.isDead || gateway.farewell.of(session, 1000));
    };
    this.lines.set(name, { line, session, id: gateway.sessions.connectionIdOf(session) });
    await gateway.claims.claim(session).catch(() => line.close(4503, 'not ready'));
  }

  /** The client goes by itself. */
  drop(name: string): void {
    this.lines.get(name)?.line.close(1000, '');
  }

  /** SIGKILL: its connections are gone, and nobody lets go of anything. */
  kill(at: string): void {
    const gateway = this.gateways[at]!;
    gateway.isDead = true;
    for (const session of gateway.sessions) (session.connection as Line).isOpen = false;
  }

  nameOf(id: string): string {
    return [...this.lines].find(([, line]) => line.id === id)?.[0] ?? id;
  }

  get open(): string[] {
    return [...this.lines].flatMap(([name, { line }]) => (line.isOpen ? name : []));
  }

  endOf(name: string): number | undefined {
    const { ended } = this.lines.get(name)!.line;
    return typeof ended === 'object' ? ended.code : undefined;
  }

  /** Lets all happen, later tries included. Answers who is open in the end, and whom the directory knows of. */
  async end(): Promise<{ open: string[]; claimed: string[] }> {
    for (let i = 0; i < 3; i += 1) {
      await this.steps.run();
      this.clock.advance(10_000);
    }
    await this.steps.run();
    const all = await this.opened.devices.claim('default', this.user, 'phone', Number.MAX_SAFE_INTEGER, 'asks');
    const claimed = all === 'lost' ? [] : all.replaced.map((id) => this.nameOf(id));
    return { open: this.open, claimed };
  }
}

class Gateway {
  readonly sessions = new SessionTable();
  readonly claims: DeviceClaims;
  readonly farewell: Farewell;
  isDead = false;

  constructor(world: World, id: string) {
    const { steps, opened, clock } = world;
    this.sessions.identify(id, 1);
    const onTheWire = {
      nextSeq: (app, user, device) => opened.devices.nextSeq(app, user, device),
      claim: (app, user, device, seq, connection) =>
        steps.step(`claim ${world.nameOf(connection)}`, () => opened.devices.claim(app, user, device, seq, connection)),
      release: (app, user, device, connection) =>
        steps.step(`release ${world.nameOf(connection)}`, () =>
          this.isDead ? undefined : opened.devices.release(app, user, device, connection),
        ),
    } satisfies DeviceDirectory;
    const logic = {
      replaced: (connections: string[]) =>
        steps.step(`kick ${connections.map((connection) => world.nameOf(connection)).join('+')}`, () => {
          if (this.isDead) return [];
          if (world.unanswered > 0) {
            world.unanswered -= 1;
            throw new Error('no logic answers');
          }
          for (const { sessions, isDead } of Object.values(world.gateways))
            for (const connection of isDead ? [] : connections)
              sessions.find(connection)?.close({ code: 4409, reason: 'replaced', reconnect: false });
          return [];
        }),
    };
    this.claims = new DeviceClaims(onTheWire, this.sessions, logic, clock, silentLog);
    const outboxes = new Outboxes(1_000_000, new Metrics());
    this.farewell = new Farewell(
      this.sessions,
      new ChannelTable(),
      outboxes,
      this.claims,
      { release: () => {} },
      silentLog,
    );
  }
}

/** Two connections of one device, in every order of what they bring about: one is left in the end, never none. */
export function describeDeviceRaces(name: string, open: () => Promise<OpenedDevices>, orders = 300): void {
  describe(`a device that connects twice, over a directory in ${name}`, () => {
    let users = 0;
    let opened: OpenedDevices;
    beforeAll(async () => void (opened = await open()));
    afterAll(() => opened.close());
    const worldOf = (steps: Steps) => new World(steps, opened, `user-${(users += 1)}`);
    const inMany = (story: (world: World) => Promise<void>) => inManyOrders(orders, (steps) => story(worldOf(steps)));
    const later = (world: World, ...names: string[]) =>
      names.reduce((last, next) => (seqOf(world, next) > seqOf(world, last) ? next : last));

    const only = (left: string) => ({ open: [left], claimed: [left] });

    it.each([
      ['at two gateways', 'g2'],
      ['at the same gateway', 'g1'],
    ])('%s', async (_where, other) => {
      const told = await inEveryOrder(async (steps) => {
        const world = worldOf(steps);
        void world.connect('A', 'g1');
        void world.connect('B', other);
        const ended = await world.end();
        const winner = later(world, 'A', 'B');
        expect(ended).toEqual(only(winner));
        expect(world.endOf(winner === 'A' ? 'B' : 'A')).toBe(4409);
      });
      expect(told).toBeGreaterThan(5);
    });

    it('and one of them leaves by itself meanwhile', async () => {
      await inMany(async (world) => {
        void world.connect('A', 'g1').then(() => world.drop('A'));
        void world.connect('B', 'g2');
        const { steps } = world;
        void steps.step('A wants to leave', () => world.drop('A'));
        await steps.run();
        // Who was told that it was replaced does not come back; it was by one that had come later.
        if (world.open.length === 0) expect([world.endOf('B'), later(world, 'A', 'B')]).toEqual([4409, 'A']);
        else expect(await world.end()).toEqual(only('B'));
      });
    });

    it('and the loser comes back at once all the same', async () => {
      await inMany(async (world) => {
        void world.connect('A', 'g1').then(() => world.connect('A again', 'g2'));
        void world.connect('B', 'g2');
        const ended = await world.end();
        expect(ended).toEqual(only(later(world, 'A', 'A again', 'B')));
      });
    });

    it('and logic does not answer for a while', async () => {
      await inEveryOrder(async (steps) => {
        const world = worldOf(steps);
        world.unanswered = 2;
        void world.connect('A', 'g1');
        void world.connect('B', 'g2');
        const ended = await world.end();
        expect(ended).toEqual(only(later(world, 'A', 'B')));
      });
    });

    it('and the answer to a claim is lost, so that its client comes again', async () => {
      await inMany(async (world) => {
        loseAnswer(world, 'g1');
        void world.connect('Z', 'g2');
        await world.steps.run();
        void world.connect('A', 'g1').then(() => world.connect('A again', 'g2'));
        const ended = await world.end();
        expect(ended).toEqual(only('A again'));
        expect(world.endOf('Z')).toBe(4409);
      });
    });

    it('and a gateway dies, so that its client comes to the other one', async () => {
      await inMany(async (world) => {
        void world.connect('A', 'g1');
        void world.connect('B', 'g2');
        const { steps } = world;
        const death = steps.step('g1 dies', () => world.kill('g1'));
        void death.then(() => world.connect('A again', 'g2'));
        const ended = await world.end();
        expect(ended).toEqual(only(later(world, 'B', 'A again')));
      });
    });

    it('and the registry is emptied meanwhile, and all is claimed again', async () => {
      await inMany(async (world) => {
        void world.connect('A', 'g1');
        void world.connect('B', 'g2');
        const { steps, gateways } = world;
        const flush = steps.step('flush', () => opened.flush());
        void flush.then(() => gateways['g1']!.claims.assertAll());
        void flush.then(() => gateways['g2']!.claims.assertAll());
        const ended = await world.end();
        expect(ended).toEqual(only(later(world, 'A', 'B')));
      });
    });
  });
}

/** The first claim from this gateway is made, and its answer lost. */
function loseAnswer(world: World, at: string): void {
  const { claims } = world.gateways[at]!;
  const claim = claims.claim.bind(claims);
  claims.claim = async (session) => {
    claims.claim = claim;
    const { app, user, device, connSeq } = session;
    const id = world.gateways[at]!.sessions.connectionIdOf(session);
    await world.steps.step('claim A unheard', () => world.opened.devices.claim(app, user!, device!, connSeq, id));
    throw new Error('the answer was lost');
  };
}

const seqOf = (world: World, name: string): number => world.lines.get(name)?.session.connSeq ?? -1;
