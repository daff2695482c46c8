import { formatConnectionId } from '@app/protocol';
import { createMemoryRegistry, nodeRef, type NodeEntry } from '@app/registry';
import { ManualClock } from '@app/runtime';
import type { Route } from './route.js';
import { Router } from './router.js';

const leaseMs = 3_000;
const clock = new ManualClock();

const gateway = (id: string, incarnation: number): NodeEntry => ({
  kind: 'gateway',
  id,
  incarnation,
  host: '127.0.0.1',
  port: 1,
  address: '',
  region: '',
  state: 'serving',
  connections: 0,
  users: 0,
  rooms: 0,
  startedAtMs: 0,
});

async function routing() {
  const { nodes, presence } = createMemoryRegistry(clock);
  const up = new Set<string>();
  let lookups = 0;
  const lookup = presence.lookup.bind(presence);
  presence.lookup = (question) => {
    lookups += 1;
    return lookup(question);
  };
  await nodes.renew(gateway('g1', 1), leaseMs);
  await nodes.renew(gateway('g2', 2), leaseMs);
  const present = (node: string, kind: 'user' | 'room', name: string) =>
    presence.apply(node, [{ kind, key: `default/${name}`, present: true }]);
  const router = new Router(presence, { isUp: (node) => up.has(node) });
  const to = async (...channels: string[]) => {
    const targets = channels.map((channel) => ({ channel, devices: [] }));
    return shown((await router.route([{ app: 'default', targets }]))[0]!);
  };
  return { nodes, router, present, up, to, lookups: () => lookups };
}

const shown = ({ nodes, gone, lost }: Route) => ({
  ...Object.fromEntries([...nodes].map(([node, places]) => [node.id, places])),
  ...(gone && { gone }),
  ...(lost && { lost }),
});

const id = (node: string, incarnation: number) => `connection:${formatConnectionId({ node, incarnation, serial: 5 })}`;
const g1 = nodeRef('g1', 1);
const g2 = nodeRef('g2', 2);

describe('Router', () => {
  it('finds the nodes that hold a user or room, and which targets each holds', async () => {
    const { present, to } = await routing();
    await present(g1, 'user', 'ann');
    await present(g1, 'room', 'a/b:c');
    await present(g2, 'room', 'a/b:c');
    expect(await to('user:ann', 'room:a/b:c', 'user:nobody')).toEqual({ g1: [0, 1], g2: [1] });
  });

  it('sends `all` to every gateway, draining ones too', async () => {
    const { nodes, to } = await routing();
    await nodes.renew({ ...gateway('g2', 2), state: 'draining' }, leaseMs);
    expect(await to('all')).toEqual({ g1: [0], g2: [0] });
  });

  it('keeps devices and other apps out of it', async () => {
    const { present, router } = await routing();
    await present(g1, 'user', 'ann');
    const targets = [{ channel: 'user:ann', devices: ['phone'] }];
    const routes = await router.route([
      { app: 'default', targets },
      { app: 'other', targets },
    ]);
    expect(routes.map(shown)).toEqual([{ g1: [0] }, {}]);
  });

  it('sends to a connection at the node in its id, if that still lives', async () => {
    const { to } = await routing();
    expect(await to(id('g2', 2))).toEqual({ g2: [0] });
    expect(await to(id('g2', 1))).toEqual({ gone: 1 });
    expect(await to(id('g9', 1))).toEqual({ gone: 1 });
    expect(await to('connection:what')).toEqual({ gone: 1 });
  });

  it('holds a node for dead when its lease is over and its lane is down', async () => {
    const { present, to, up } = await routing();
    await present(g1, 'room', 'a');
    clock.advance(leaseMs + 1);
    expect(await to('room:a')).toEqual({ lost: 1 });
    expect(await to('all')).toEqual({});
    up.add(g1);
    expect(await to('room:a')).toEqual({ g1: [0] });
    expect(await to('all')).toEqual({ g1: [0] });
  });

  it('asks the registry once for a batch', async () => {
    const { router, lookups } = await routing();
    const targets = ['user:a', 'user:b', 'room:c', 'all'].map((channel) => ({ channel, devices: [] }));
    await router.route([
      { app: 'default', targets },
      { app: 'default', targets },
    ]);
    expect(lookups()).toBe(1);
  });
});
