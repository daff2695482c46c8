import { createMemoryRegistry } from '@app/registry';
import { ManualClock, silentLog } from '@app/runtime';
import { until } from '../../../../test/support/until.js';
import { ChannelTable } from '../room/channel-table.js';
import type { Connection } from '../session/connection.js';
import { SessionTable } from '../session/session-table.js';
import { NodeAgent } from './node-agent.js';

const endpoint = { host: '10.0.0.1', port: 7000, address: 'ws://10.0.0.1:8888/connect' };

function setUp() {
  const clock = new ManualClock();
  const registry = createMemoryRegistry(clock);
  const events: string[] = [];
  const start = () => {
    const sessions = new SessionTable();
    const channels = new ChannelTable();
    const agent = new NodeAgent(
      registry.nodes,
      sessions,
      channels,
      { id: 'g1', region: 'eu', leaseMs: 3_000, maxConnections: 10 },
      { onMissing: () => events.push('missing'), onSuperseded: () => events.push('superseded') },
      clock,
      silentLog,
    );
    return { sessions, channels, agent, started: agent.start(endpoint) };
  };
  const entry = async () => (await registry.nodes.list('gateway'))[0];
  /** Counts renewals, so that a spec can wait for the next one. */
  const renewals = { count: 0 };
  const renew = registry.nodes.renew.bind(registry.nodes);
  registry.nodes.renew = (...args) => renew(...args).finally(() => (renewals.count += 1));
  const beat = async () => {
    const before = renewals.count;
    await settle();
    clock.advance(1_000);
    await until(() => renewals.count > before);
    await settle();
  };
  return { clock, registry, events, start, entry, beat };
}

/** Lets promises that are settled be heard. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('node agent', () => {
  it('draws an incarnation, names the sessions by it and stands in the registry', async () => {
    const { start, entry, events } = setUp();
    const { agent, sessions, started } = start();
    expect(agent.problem()).toBeDefined();
    await started;
    const session = sessions.add({} as Connection);
    expect(sessions.connectionIdOf(session).startsWith(`${agent.ref}~`)).toBe(true);
    expect(await entry()).toMatchObject({ id: 'g1', ...endpoint, region: 'eu', state: 'serving', leased: true });
    expect(agent.problem()).toBeUndefined();
    expect(events).toEqual([]);
  });

  it('renews its lease with what is here now', async () => {
    const { start, entry, beat } = setUp();
    const { sessions, channels, started } = start();
    await started;
    const session = sessions.add({} as Connection);
    channels.join(session, 'user:ann');
    channels.join(session, 'room:a');
    channels.join(session, 'room:b');
    for (let i = 0; i < 5; i += 1) await beat();
    expect(await entry()).toMatchObject({ connections: 1, users: 1, rooms: 2, leased: true });
  });

  it('has everything written again when its entry was gone', async () => {
    const { start, registry, events, beat, entry } = setUp();
    const { agent, started } = start();
    await started;
    const { incarnation } = (await entry())!;
    await registry.nodes.remove('gateway', 'g1', incarnation);
    await beat();
    expect(events).toEqual(['missing']);
    expect(await entry()).toBeDefined();
    expect(agent.problem()).toBeUndefined();
  });

  it('ends when a later process has its name', async () => {
    const { start, events, beat, entry, clock } = setUp();
    const first = start();
    await first.started;
    const second = start();
    await second.started;
    await beat();
    await until(() => events.length > 0);
    expect(events).toEqual(['superseded']);
    expect(first.agent.problem()).toContain('NODE_ID=g1');
    expect((await entry())!.incarnation.toString(36)).toBe(second.agent.ref.split('~')[1]);
    clock.advance(2_000);
    await settle();
    expect(events).toEqual(['superseded']);
  });

  it('waits for a registry that is away, and says so', async () => {
    const { start, registry, clock } = setUp();
    const next = registry.nodes.nextIncarnation.bind(registry.nodes);
    let tries = 0;
    registry.nodes.nextIncarnation = () => Promise.reject(new Error(`away ${(tries += 1)}`));
    const { agent, started } = start();
    await until(() => tries === 1);
    await settle();
    expect(agent.problem()).toBe('registry: away 1');
    registry.nodes.nextIncarnation = next;
    clock.advance(1_000);
    await started;
    expect(agent.problem()).toBeUndefined();
  });

  it('has everything written again after a renewal whose answer was lost: it may have said missing', async () => {
    const { start, registry, events, beat } = setUp();
    const { agent, started } = start();
    await started;
    const { incarnation } = (await registry.nodes.list('gateway'))[0]!;
    await registry.nodes.remove('gateway', 'g1', incarnation);
    const renew = registry.nodes.renew.bind(registry.nodes);
    registry.nodes.renew = (...args) => renew(...args).then(() => Promise.reject(new Error('answer lost')));
    await beat();
    expect(events).toEqual([]);
    registry.nodes.renew = renew;
    await beat();
    await until(() => agent.problem() === undefined);
    expect(events).toEqual(['missing']);
  });

  it('says when the lease is no longer renewed', async () => {
    const { start, registry, beat } = setUp();
    const { agent, started } = start();
    await started;
    const renew = registry.nodes.renew.bind(registry.nodes);
    registry.nodes.renew = (...args) => renew(...args).then(() => Promise.reject(new Error('away')));
    await beat();
    expect(agent.problem()).toBe('registry: away');
  });

  it('says that it drains, and goes', async () => {
    const { start, entry } = setUp();
    const { agent, started } = start();
    await started;
    await agent.drain();
    expect(await entry()).toMatchObject({ state: 'draining' });
    await agent.leave();
    expect(await entry()).toBeUndefined();
  });
});
