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

/** Connected, and silent until its time limit. */
class HungClients extends GatewayClients {
  isConnected = true;
  asked: (() => void)[] = [];

  override isUp(): boolean {
    return this.isConnected;
  }

  override use(): GatewayLink {
    return { deliver: () => new Promise((_, reject) => this.asked.push(() => reject(new Error('no answer')))) };
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

async function open() {
  const clock = new ManualClock();
  const { nodes } = createMemoryRegistry(clock);
  const metrics = new Metrics();
  const clients = new HungClients('', silentLog);
  const runs = new ShardRuns(createMemoryHistory(parsePolicies(''), clock), silentLog, new JobMetrics(metrics));
  const ground = new LaneGround({ windowBytes: 1_000, stallMs }, clock, new JobMetrics(metrics), silentLog);
  const lanes = new Lanes(ground, clients, nodes, runs);
  const run = new ShardRun(new FakeShard(), 'epoch', silentLog);
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
  return { lanes, run, node, lane, clients, clock };
}

describe('Lanes', () => {
  it('keeps the lane of a node that hangs, whose lease is over but not its connection', async () => {
    const { lanes, run, node, lane } = await open();
    expect(lanes.of(run, node)).toBe(lane);
  });
});
