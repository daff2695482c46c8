import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { Drain } from './drain.js';
import { FakeConnection } from './session/connection.contract.js';
import { Outboxes } from './session/outboxes.js';
import { SessionTable } from './session/session-table.js';

const resolved = () => Promise.resolve();

/** A gateway that ends with `clients` here, each of which goes as soon as it is told to; and what was done, in order. */
function ending(clients: number, drainMs: number) {
  const clock = new ManualClock();
  const sessions = new SessionTable();
  const outboxes = new Outboxes(1_000_000, new Metrics());
  const done: string[] = [];
  const told: { atMs: number; reconnectAfterMs: number }[] = [];
  for (let n = 0; n < clients; n += 1) {
    const connection = new FakeConnection();
    const session = sessions.add(connection);
    session.state = 'live';
    const close = connection.close.bind(connection);
    connection.close = (code, reason) => {
      close(code, reason);
      const goodbye = connection.packets.at(-1) as { data: { reconnectAfterMs: number } };
      told.push({ atMs: clock.now() - startedAtMs, reconnectAfterMs: goodbye.data.reconnectAfterMs });
      done.push('goodbye');
      sessions.remove(session);
    };
  }
  const step = (name: string) => () => {
    done.push(name);
    return Promise.resolve();
  };
  const agent = { drain: step('draining'), leave: step('left') };
  const node = { agent, registrar: { settled: resolved, close: () => {} }, presence: { settled: resolved } };
  const door = { drain: () => void done.push('doors shut') };
  const startedAtMs = clock.now();
  const over = new Drain(door, sessions, outboxes, node, drainMs, clock, silentLog).run();
  return { clock, over, done, told };
}

/** Lets what has been resolved go on. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a node that drains', () => {
  it('says goodbye in small groups, spread over its time', async () => {
    const { clock, over, told } = ending(95, 1_000);
    for (let ms = 0; ms < 1_000; ms += 100) {
      await turn();
      clock.advance(100);
    }
    await over;
    const groups = new Map<number, number>();
    for (const { atMs } of told) groups.set(atMs, (groups.get(atMs) ?? 0) + 1);
    expect([...groups.keys()]).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    expect(Math.max(...groups.values())).toBe(10);
    expect(told).toHaveLength(95);
  });

  it('tells each client another time to come back', async () => {
    const { over, told } = ending(50, 0);
    await over;
    const waits = told.map(({ reconnectAfterMs }) => reconnectAfterMs);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(100);
    expect(Math.max(...waits)).toBeLessThanOrEqual(2_100);
    expect(new Set(waits).size).toBeGreaterThan(25);
  });

  it('shuts its doors, then tells the registry, then its clients, and leaves when they are gone', async () => {
    const { over, done } = ending(2, 0);
    await over;
    expect(done).toEqual(['doors shut', 'draining', 'goodbye', 'goodbye', 'left']);
  });
});
