import { firstKnown, notRetained, Refusal, type DeliveryAck, type DeliveryBatch } from '@app/protocol/wires';
import { ManualClock, Metrics, silentLog } from '@app/runtime';
import { JobMetrics } from '../job.metrics.js';
import { FakeShard } from '../shard/fake-shard.contract.js';
import { ShardRun } from '../shard/shard-run.js';
import type { GatewayLink } from './gateway-clients.js';
import { Lane, type LaneParts } from './lane.js';

/** A gateway that answers when and what it is told to. */
class FakeGateway implements GatewayLink {
  readonly batches: DeliveryBatch[] = [];
  private pending: { answer: (ack: DeliveryAck) => void; fail: (error: Error) => void }[] = [];

  deliver(batch: DeliveryBatch): Promise<DeliveryAck> {
    this.batches.push(structuredClone(batch));
    return new Promise((answer, fail) => this.pending.push({ answer, fail }));
  }

  get asked(): number {
    return this.pending.length;
  }

  get offsets(): number[][] {
    return this.batches.map(({ deliveries }) => deliveries.map(({ offset }) => offset));
  }

  async takes(taken = this.batches.at(-1)!.deliveries.at(-1)?.offset ?? 0, gone: DeliveryAck['gone'] = []) {
    this.pending.shift()!.answer({ taken, refused: Refusal.none, gone });
    await settled();
  }

  async refuses(refused: Refusal) {
    this.pending.shift()!.answer({ taken: 0, refused, gone: [] });
    await settled();
  }

  async breaks() {
    this.pending.shift()!.fail(new Error('connection lost'));
    await settled();
  }
}

/** All that can happen without time passing or a gateway answering has happened. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

const stallMs = 5_000;

function open(options: { windowBytes?: number; isDead?: () => boolean } = {}) {
  const clock = new ManualClock();
  const shard = new FakeShard();
  const run = new ShardRun(shard, 'epoch-1', silentLog);
  const gateway = new FakeGateway();
  const metrics = new Metrics();
  const ended: string[] = [];
  const parts: LaneParts = {
    settings: { windowBytes: options.windowBytes ?? 1_000_000, stallMs },
    clock,
    metrics: new JobMetrics(metrics),
    log: silentLog,
    isDead: () => Promise.resolve(options.isDead?.() ?? false),
    renew: (renewed) => {
      renewed.epoch = 'epoch-2';
      return Promise.resolve();
    },
    onEnd: (lane) => ended.push(lane.node),
  };
  const lane = new Lane(run, 'g1~1', gateway, parts);
  run.signal.addEventListener('abort', () => lane.end());
  const push = async (...offsets: number[]) => {
    for (const offset of offsets) pushOne(offset, firstKnown);
    run.watermark.read(offsets.at(-1)!);
    await settled();
  };
  const pushOne = (offset: number, prev: number, expiresAtMs = 0) =>
    lane.push({
      delivery: {
        offset,
        steps: [{ channel: 'room:a', devices: [], prev }],
        body: Buffer.alloc(10),
        app: 'default',
        rate: 0,
      },
      bytes: 100,
      expiresAtMs,
      expected: run.watermark.expect(offset, 1),
      pushedAtMs: clock.monotonic(),
    });
  const dropped = async () => {
    const { values } = await metrics.dropped.get();
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels.reason), value]));
  };
  const commits = () => shard.calls.filter((call) => call.startsWith('commit'));
  return { clock, shard, run, gateway, lane, ended, push, pushOne, dropped, commits };
}

describe('Lane', () => {
  it('puts what comes together into one batch, at once', async () => {
    const { gateway, push } = open();
    await push(10, 11, 12);
    expect(gateway.offsets).toEqual([[10, 11, 12]]);
    expect(gateway.batches[0]).toMatchObject({ epoch: 'epoch-1', shard: 3, ownerEpoch: 7, incarnation: 'g1~1' });
  });

  it('sends the next batch, with all that came meanwhile, after the acknowledgement', async () => {
    const { gateway, push } = open();
    await push(10);
    await push(11);
    await push(12);
    expect(gateway.offsets).toEqual([[10]]);
    await gateway.takes();
    expect(gateway.offsets).toEqual([[10], [11, 12]]);
  });

  it('commits nothing before the acknowledgement', async () => {
    const { gateway, push, commits } = open();
    await push(10, 11);
    expect(commits()).toEqual(['commit 10']);
    await gateway.takes();
    expect(commits()).toEqual(['commit 10', 'commit 12']);
  });

  it('sends a batch that failed again before anything later', async () => {
    const { gateway, push, clock, commits } = open();
    await push(10);
    await push(11);
    await gateway.breaks();
    expect(gateway.offsets).toEqual([[10]]);
    clock.advance(100);
    await settled();
    await gateway.refuses(Refusal.overloaded);
    clock.advance(200);
    await settled();
    expect(gateway.offsets).toEqual([[10], [10], [10]]);
    expect(commits()).toEqual(['commit 10']);
    await gateway.takes();
    await gateway.takes();
    expect(gateway.offsets).toEqual([[10], [10], [10], [11]]);
    expect(commits().at(-1)).toBe('commit 12');
  });

  it('sends again what was not all taken', async () => {
    const { gateway, push, clock, commits } = open();
    await push(10, 11);
    await gateway.takes(10);
    expect(commits()).toEqual(['commit 10']);
    clock.advance(100);
    await settled();
    expect(gateway.offsets).toEqual([
      [10, 11],
      [10, 11],
    ]);
  });

  it('pauses the shard over the window and resumes it at half', async () => {
    const { gateway, push, shard } = open({ windowBytes: 250 });
    const holds = () => shard.calls.filter((call) => !call.startsWith('commit'));
    await push(1, 2);
    expect(holds()).toEqual([]);
    await push(3);
    expect(holds()).toEqual(['pause']);
    await gateway.takes();
    expect(holds()).toEqual(['pause', 'resume']);
  });

  it('gives a silent node history only: what is retained is not lost, the rest is counted', async () => {
    const { gateway, push, pushOne, clock, commits, dropped, shard } = open({ windowBytes: 250 });
    await push(1, 2);
    pushOne(3, notRetained);
    await push(4);
    expect(shard.calls).toContain('pause');
    clock.advance(stallMs);
    await gateway.breaks();
    expect(commits().at(-1)).toBe('commit 5');
    expect(shard.calls).toContain('resume');
    expect(await dropped()).toEqual({ node_stalled: 1 });

    pushOne(5, notRetained);
    await push(6);
    expect(commits().at(-1)).toBe('commit 7');
    expect(await dropped()).toEqual({ node_stalled: 2 });
  });

  it.each([90_000, -90_000])(
    'stalls nobody, and nobody later, because the wall clock jumps by %i ms',
    async (jumpMs) => {
      const { gateway, push, clock, commits } = open();
      await push(10);
      clock.advance(1_000);
      clock.jump(jumpMs);
      await gateway.breaks();
      clock.advance(1_000);
      await settled();
      expect(gateway.offsets).toEqual([[10], [10]]);
      expect(commits()).toEqual(['commit 10']);
      clock.advance(stallMs - 2_000);
      await gateway.breaks();
      expect(commits()).toEqual(['commit 10', 'commit 11']);
    },
  );

  it('gives nobody up because of a pause of its own', async () => {
    const { gateway, pushOne, clock, run, commits, dropped } = open();
    pushOne(1, notRetained);
    run.watermark.read(1);
    await settled();
    clock.advance(4 * stallMs); // and the answer is there, behind the time limit
    await gateway.breaks();
    clock.advance(100);
    await settled();
    expect(gateway.offsets).toEqual([[1], [1]]);
    await gateway.takes();
    expect(commits().at(-1)).toBe('commit 2');
    expect(await dropped()).toEqual({});
  });

  it('is open again when the node answers, and tells it to look for what was kept from it until then', async () => {
    const { gateway, push, clock } = open();
    await push(1);
    clock.advance(stallMs);
    await gateway.breaks();
    clock.advance(500);
    await settled();
    expect(gateway.offsets.slice(1)).toEqual([[]]);
    await push(2); // dropped: the answer is still under way
    await gateway.takes();
    expect(gateway.offsets.slice(1)).toEqual([[], []]);
    await push(3);
    await gateway.takes();
    expect(gateway.offsets.slice(1)).toEqual([[], [], [3]]);
    await gateway.takes();
    expect(gateway.asked).toBe(0);
  });

  it('tells it again until that is acknowledged, before anything else', async () => {
    const { gateway, push, clock, commits } = open();
    await push(1);
    clock.advance(stallMs);
    await gateway.breaks();
    clock.advance(500);
    await settled();
    await gateway.takes();
    await push(2);
    await gateway.breaks();
    clock.advance(100);
    await settled();
    expect(gateway.offsets.slice(1)).toEqual([[], [], []]);
    clock.advance(stallMs);
    await gateway.breaks(); // and hangs again
    expect(commits().at(-1)).toBe('commit 3');
    clock.advance(500);
    await settled();
    await gateway.takes();
    await push(3);
    await gateway.takes();
    expect(gateway.offsets.slice(1)).toEqual([[], [], [], [], [], [3]]);
  });

  it('keeps to itself what expired while it waited; a retained one goes, for its place counts', async () => {
    const { gateway, push, pushOne, clock, run, dropped, commits } = open();
    await push(1);
    pushOne(2, notRetained, clock.now() + 1_000);
    pushOne(3, 1, clock.now() + 1_000);
    pushOne(4, notRetained, clock.now() + 1_001);
    run.watermark.read(4);
    clock.advance(1_000);
    await gateway.takes();
    expect(gateway.offsets).toEqual([[1], [3, 4]]);
    expect(await dropped()).toEqual({ expired: 1 });
    await gateway.takes();
    expect(commits().at(-1)).toBe('commit 5');

    pushOne(5, notRetained, clock.now());
    run.watermark.read(5);
    await settled();
    expect(gateway.batches).toHaveLength(2);
    expect(await dropped()).toEqual({ expired: 2 });
    expect(commits().at(-1)).toBe('commit 6');
  });

  it('sends again as it was what may have been taken, though it expired meanwhile', async () => {
    const { gateway, pushOne, clock, run, dropped } = open();
    pushOne(1, notRetained, clock.now() + 50);
    run.watermark.read(1);
    await settled();
    await gateway.breaks();
    clock.advance(100);
    await settled();
    expect(gateway.offsets).toEqual([[1], [1]]);
    await gateway.takes();
    expect(await dropped()).toEqual({}); // the gateway has seen to it
  });

  it('leaves a question with a node that hangs, so that it misses nothing more once it goes on', async () => {
    const { gateway, push, clock } = open();
    await push(1);
    clock.advance(stallMs);
    await gateway.breaks();
    clock.advance(500);
    await settled();
    for (let silences = 1; silences <= 3; silences += 1) {
      clock.advance(stallMs);
      await gateway.breaks();
      expect(gateway.asked).toBe(1);
    }
    await gateway.breaks(); // at once: it is gone
    expect(gateway.asked).toBe(0);
  });

  it('counts all that a dead node had not acknowledged', async () => {
    const { gateway, push, clock, dropped, commits, ended } = open({ isDead: () => true });
    await push(1, 2);
    await push(3);
    clock.advance(stallMs);
    await gateway.breaks();
    expect(await dropped()).toEqual({ node_lost: 3 });
    expect(commits().at(-1)).toBe('commit 4');
    expect(ended).toEqual(['g1~1']);
  });

  it('is void when another incarnation answers', async () => {
    const { gateway, push, dropped, commits, lane } = open();
    await push(1);
    await gateway.refuses(Refusal.otherIncarnation);
    expect(await dropped()).toEqual({ node_lost: 1 });
    await push(2);
    expect(await dropped()).toEqual({ node_lost: 2 });
    expect(commits().at(-1)).toBe('commit 3');
    expect(gateway.offsets).toEqual([[1]]);
    expect(lane.isIdle).toBe(true); // and ends with the connection
  });

  it('stops the shard when the gateway has seen a later owner, and commits nothing', async () => {
    const { gateway, push, run, commits, clock } = open();
    await push(1);
    await gateway.refuses(Refusal.ghostOwner);
    expect(run.ended).toBe(true);
    clock.advance(60_000);
    await settled();
    expect(gateway.asked).toBe(0);
    expect(commits()).toEqual(['commit 1']);
  });

  it('reads the epoch again when the gateway knows another one', async () => {
    const { gateway, push, clock } = open();
    await push(1);
    await gateway.refuses(Refusal.otherEpoch);
    clock.advance(100);
    await settled();
    expect(gateway.batches.map(({ epoch }) => epoch)).toEqual(['epoch-1', 'epoch-2']);
  });

  it('leaves it to the gateway to count channels that nobody was in any more', async () => {
    const { gateway, push, dropped, commits } = open();
    await push(1);
    await gateway.takes(1, [{ offset: 1, channel: 'room:a' }]);
    expect(await dropped()).toEqual({});
    expect(commits().at(-1)).toBe('commit 2');
  });

  it('forgets all when the shard is lost: the next owner hands it over', async () => {
    const { gateway, push, shard, ended, commits, dropped } = open();
    await push(1, 2);
    shard.lost.abort();
    await gateway.takes();
    await settled();
    expect(ended).toEqual(['g1~1']);
    expect(commits()).toEqual(['commit 1']);
    expect(await dropped()).toEqual({});
  });
});
