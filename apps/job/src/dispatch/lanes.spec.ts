import { Refusal } from '@app/protocol/wires';
import { createMemoryRegistry, type NodeSeen } from '@app/registry';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { createMemoryHistory, parsePolicies } from '@app/history';
import { JobMetrics } from '../job.metrics.js';
import { FakeShard } from '../shard/fake-shard.contract.js';
import { ShardRun } from '../shard/shard-run.js';
import { ShardRuns } from '../shard/shard-runs.js';
import { GatewayClients, type GatewayLink } from './gateway-clients.js';
import { LaneGround, Lanes } from './lanes.js';

const stallMs = 5_000;
const leaseMs = 3_000;

/** Connected, and silent until its time limit or until it is told to answer. */
class HungClients extends GatewayClients {
  isConnected = true;
  asked: (() => void)[] = [];
  answers: (() => void)[] = [];
  readonly offsets: number[][] = [];

  override isUp(): boolean {
    return this.isConnected;
  }

  override use(): GatewayLink {
    return {
      deliver: ({ deliveries }) => {
        const offsets = deliveries.map(({ offset }) => offset);
        this.offsets.push(offsets);
        return new Promise((answer, reject) => {
          this.asked.push(() => reject(new Error('no answer')));
          this.answers.push(() => answer({ taken: offsets.at(-1) ?? 0, refused: Refusal.none, gone: [] }));
        });
      },
    };
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

async function open() {
  const clock = new ManualClock();
  const { nodes } = createMemoryRegistry(clock);
  const metrics = new Metrics();
  const clients = new HungClients('', silentLog);
  const history = createMemoryHistory(parsePolicies(''), clock);
  const runs = new ShardRuns(history, silentLog, new JobMetrics(metrics));
  const ground = new LaneGround({ windowBytes: 1_000, stallMs }, clock, new JobMetrics(metrics), silentLog);
  const lanes = new Lanes(ground, clients, nodes, runs);
  const shard = new FakeShard();
  const run = new ShardRun(shard, 'epoch', silentLog);
  const entry = {
    kind: 'gateway',
    id: 'g1',
    incarnation: 1,
    host: '127.0.0.1',
    port: 1,
    address: '',
    region: '',
    state: 'serving',
    connections: 0,
    users: 0,
    rooms: 0,
    startedAtMs: 0,
  } as const;
  await nodes.renew(entry, leaseMs);
  const node: NodeSeen = { ...entry, leased: true };
  const delivery = { offset: 1, steps: [], body: Buffer.alloc(0), app: 'default', rate: 0 };
  const lane = lanes.of(run, node);
  lane.push({ delivery, bytes: 10, expiresAtMs: 0, expected: run.watermark.expect(1, 1), pushedAtMs: 0 });
  await settled();
  clock.advance(stallMs);
  clients.asked.shift()!();
  await settled();
  await settled();
  return { lanes, shard, run, runs, history, node, lane, clients };
}

describe('Lanes', () => {
  it('keeps the lane of a node that hangs, whose lease is over but not its connection', async () => {
    const { lanes, run, node, lane } = await open();
    expect(lanes.of(run, node)).toBe(lane);
  });

  it('leaves to the next owner whom it has given up, and the next owner tells them', async () => {
    const { lanes, shard, run, clients } = await open();
    run.watermark.read(1);
    expect(shard.calls.at(-1)).toBe('commit 2');
    expect(shard.notes.at(-1)).toBe('epoch:-1 #0/0/0/0 g1~1');
    run.stop('a hand-over');
    await settled();
    clients.offsets.length = 0;
    clients.answers.length = 0;

    const next = new FakeShard({ note: shard.notes.at(-1)!, ownerEpoch: 8 });
    const nextRun = new ShardRun(next, 'epoch', silentLog);
    lanes.open(nextRun);
    await settled();
    expect(clients.offsets).toEqual([[]]);
    nextRun.watermark.read(2);
    expect(next.notes.at(-1)).toBe('epoch:-1 #0/0/0/0 g1~1');
    clients.answers.shift()!();
    await settled();
    nextRun.watermark.read(3);
    expect(next.notes.at(-1)).toBe('epoch:-1 #0/0/0/0');
  });

  it('tells them at once, though nothing comes in that shard any more', async () => {
    const { run, runs, history, clients } = await open();
    run.stop('a hand-over');
    await settled();
    clients.offsets.length = 0;
    await runs.of(new FakeShard({ note: `${await history.epochOf('life')}:-1 g1~1`, ownerEpoch: 8 }));
    await settled();
    expect(clients.offsets).toEqual([[]]);
  });

  it('tells everybody when the note cannot name them, and nobody who is not there any more', async () => {
    const { lanes, run, clients } = await open();
    run.stop('a hand-over');
    for (const [note, told] of [
      ['epoch:-1 *', [[]]],
      ['epoch:-1 g9~1', []],
      ['', []],
    ] as const) {
      await settled();
      clients.offsets.length = 0;
      const nextRun = new ShardRun(new FakeShard({ note }), 'epoch', silentLog);
      lanes.open(nextRun);
      await settled();
      expect(clients.offsets).toEqual(told);
      nextRun.stop('a hand-over');
    }
  });
});
