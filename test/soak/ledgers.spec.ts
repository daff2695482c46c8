import { Ledgers, type Balance, type Counting } from './ledgers.js';

/** What one process says of itself at `/metrics`. */
class Counter implements Counting {
  lives = 1;
  isRunning = true;
  isReachable = true;
  readonly healthUrl = '';
  private counts = new Map<string, number>();

  constructor(
    readonly name: string,
    readonly role: Counting['role'],
  ) {}

  adds(metric: string, count: number): this {
    this.counts.set(metric, (this.counts.get(metric) ?? 0) + count);
    return this;
  }

  get text(): string {
    const lines = [...this.counts].map(([metric, count]) => `skylark_${metric} ${count}`);
    return ['# TYPE skylark_gateway_written_total counter', ...lines, 'nodejs_version_info 1', ''].join('\n');
  }

  /** A new life counts from nothing. */
  diesAndStarts(): this {
    this.lives += 1;
    this.counts = new Map();
    return this;
  }
}

const held = 'bus_records_total{topic="records",outcome="held"}';
const unknown = 'bus_records_total{topic="records",outcome="unknown"}';
const settled = (outcome: string) => `job_settled_records{outcome="${outcome}"}`;
const meant = 'gateway_targeted_total';
const written = 'gateway_written_total';

/** Two gateways, a logic and two jobs that have carried 100 records to clients; everything is even. */
class Story {
  readonly gateways = [new Counter('g0', 'gateway'), new Counter('g1', 'gateway')] as const;
  readonly logic = new Counter('l0', 'logic').adds(held, 100);
  readonly jobs = [new Counter('j0', 'job'), new Counter('j1', 'job')] as const;
  readonly ledgers = new Ledgers([...this.gateways, this.logic, ...this.jobs], async (app) => {
    if (!(app as Counter).isReachable) throw new Error('it does not answer');
    return (app as Counter).text;
  });
  records = { owed: 100, unsure: 0, most: 100 };
  received = [300, 200];

  constructor() {
    this.gateways[0].adds(meant, 310).adds(written, 305);
    this.gateways[0].adds('dropped_total{stage="outbox",reason="closed"}', 4);
    this.gateways[0].adds('dropped_total{stage="replay",reason="repeated"}', 1);
    this.gateways[0].adds('dropped_total{stage="fanout",reason="gone"}', 50);
    this.gateways[1].adds(meant, 200).adds(written, 200);
    this.jobs[0].adds(settled('consumed'), 60).adds(settled('expired'), 2);
    this.jobs[1].adds(settled('consumed'), 37).adds(settled('dead'), 1);
  }

  async balance(isFlushed = false): Promise<Balance> {
    await this.ledgers.look();
    return this.ledgers.balance({ records: this.records, received: this.received }, isFlushed);
  }

  /** The beginning of what is not even. */
  async uneven(isFlushed = false): Promise<string[]> {
    return (await this.balance(isFlushed)).uneven.map((sentence) => sentence.split(':').slice(0, 2).join(':'));
  }
}

describe('the ledger of records', () => {
  it('is even when jobs have settled what the producer was told is held', async () => {
    const { said, uneven } = await new Story().balance();
    expect(uneven).toEqual([]);
    expect(said[0]).toContain(
      "100 settled and 0 repeats dropped; the producer's own count 100 held, 0 not known; logics counted 100 held",
    );
  });

  it('finds one that no job has settled', async () => {
    const story = new Story();
    story.records.owed = 101;
    expect(await story.uneven()).toEqual(['not even: records']);
    story.records.unsure = 1;
    expect(await story.uneven()).toEqual(['not even: records']);
  });

  it('finds one that nobody has pushed, unless it may be one of those that were never answered', async () => {
    const story = new Story();
    story.jobs[0].adds(settled('consumed'), 1);
    story.logic.adds(held, 1);
    expect(await story.uneven()).toEqual(['not even: records']);
    story.records.unsure = 1;
    expect(await story.uneven()).toEqual([]);
  });

  it('allows repeats that nobody knew any more after a flush, no more than there were attempts', async () => {
    const story = new Story();
    story.jobs[0].adds(settled('consumed'), 2);
    story.logic.adds(held, 2);
    story.records.most = 102;
    expect(await story.uneven()).toEqual(['not even: records']);
    expect(await story.uneven(true)).toEqual([]);
    story.records.most = 101;
    expect(await story.uneven(true)).toEqual(['not even: records']);
  });

  it('finds one that a logic has counted as held and no job has settled', async () => {
    const story = new Story();
    story.logic.adds(held, 1);
    expect(await story.uneven()).toEqual(['not even: records']);
    story.jobs[1].adds(settled('duplicate'), 1);
    expect(await story.uneven()).toEqual([]);
  });

  it('finds one more than logics know of, until one of them has ended and taken its count along', async () => {
    const story = new Story();
    story.jobs[1].adds(settled('duplicate'), 1);
    expect(await story.uneven()).toEqual(['not even: records']);
    story.logic.adds(unknown, 1);
    expect(await story.uneven()).toEqual([]);
    story.jobs[1].adds(settled('duplicate'), 1);
    expect(await story.uneven()).toEqual(['not even: records']);
    story.logic.diesAndStarts();
    expect(await story.uneven()).toEqual([]);
    expect((await story.balance()).said[0]).toContain('at least 100 held');
  });

  it('takes what logics had counted before they died into account', async () => {
    const story = new Story();
    await story.ledgers.look();
    story.logic.diesAndStarts().adds(held, 1);
    expect(await story.uneven()).toEqual(['not even: records']);
    story.records.owed = 101;
    story.jobs[0].adds(settled('consumed'), 1);
    expect(await story.uneven()).toEqual([]);
  });

  it('asks only jobs that run: they are told by the commits what the others had settled', async () => {
    const story = new Story();
    await story.ledgers.look();
    story.jobs[1].isRunning = false;
    expect(await story.uneven()).toEqual(['not even: records']);
    story.jobs[0].adds(settled('consumed'), 38);
    expect(await story.uneven()).toEqual([]);
  });

  it('compares nothing when the embedded bus has ended with its process', async () => {
    const app = new Counter('g0', 'standalone');
    const ledgers = new Ledgers([app], async () => app.text);
    const balance = () => ledgers.balance({ records: { owed: 1, unsure: 0, most: 1 }, received: [0] }, false);
    await ledgers.look();
    expect(balance().uneven).toHaveLength(1);
    app.diesAndStarts();
    await ledgers.look();
    expect(balance().uneven).toEqual([]);
  });
});

describe('the ledger of a gateway', () => {
  it('is even when everything meant was written or dropped on the way', async () => {
    const { said } = await new Story().balance();
    expect(said).toContain('g0#1: 310 meant = 305 written + 5 dropped on the way');
    expect(said).toContain('g1#1: 200 meant = 200 written + 0 dropped on the way');
  });

  it('finds one that was neither written nor dropped, and one that was not meant for anybody', async () => {
    const missing = new Story();
    missing.gateways[0].adds(meant, 1);
    expect(await missing.uneven()).toEqual(['not even: g0#1']);
    const extra = new Story();
    extra.gateways[1].adds(written, 1);
    expect(await extra.uneven()).toEqual(['not even: g1#1']);
    const dropped = new Story();
    dropped.gateways[1].adds('dropped_total{stage="outbox",reason="closed"}', 1);
    expect(await dropped.uneven()).toEqual(['not even: g1#1']);
  });

  it('is that of its present life', async () => {
    const story = new Story();
    story.gateways[0].adds(meant, 1);
    await story.ledgers.look();
    story.gateways[0].diesAndStarts().adds(meant, 7).adds(written, 7);
    expect(await story.uneven()).toEqual([]);
    expect((await story.balance()).said).toContain('g0#2: 7 meant = 7 written + 0 dropped on the way');
  });

  it('finds a client that received what was not written', async () => {
    const story = new Story();
    story.received = [305, 200];
    expect(await story.uneven()).toEqual([]);
    story.received = [305, 201];
    expect(await story.uneven()).toEqual(['not even: g1']);
  });

  it('is not held against what clients received when it had more than one life', async () => {
    const story = new Story();
    story.gateways[1].diesAndStarts();
    expect(await story.uneven()).toEqual([]);
  });

  it('keeps what was seen last of who does not answer', async () => {
    const story = new Story();
    await story.ledgers.look();
    story.gateways[1].isReachable = false;
    story.gateways[1].adds(meant, 1);
    expect(await story.uneven()).toEqual([]);
  });
});

describe('the round at the end', () => {
  const round = async (
    { received, isWhole = true }: { received: number; isWhole?: boolean },
    act: (story: Story) => void,
  ) => {
    const story = new Story();
    await story.ledgers.look();
    const before = story.ledgers.written();
    act(story);
    await story.ledgers.look();
    return story.ledgers.balanceOfRound({ pushes: 200, received, isWhole }, before);
  };
  const writeEach = (first: number, second: number) => (story: Story) => {
    story.gateways[0].adds(written, first);
    story.gateways[1].adds(written, second);
  };

  it('is even when all that was written was received', async () => {
    const said = ['round of 200 pushes at the end: 30 written, 30 received'];
    expect(await round({ received: 30 }, writeEach(20, 10))).toEqual({ said, uneven: [] });
  });

  it('finds one that was written and not received, or received and not written', async () => {
    expect((await round({ received: 29 }, writeEach(20, 10))).uneven).toHaveLength(1);
    expect((await round({ received: 31 }, writeEach(20, 10))).uneven).toHaveLength(1);
  });

  it('must bring something', async () => {
    expect((await round({ received: 0 }, writeEach(0, 0))).uneven).toHaveLength(1);
  });

  it('is not held against anybody when somebody came or went, or a gateway has begun another life', async () => {
    expect((await round({ received: 29, isWhole: false }, writeEach(20, 10))).uneven).toEqual([]);
    const restarted = await round({ received: 29 }, ({ gateways }) => gateways[1].diesAndStarts());
    expect(restarted.uneven).toEqual([]);
  });
});

describe('the sums', () => {
  it('are over all lives, and leave out what measures times', async () => {
    const story = new Story();
    story.gateways[0].adds('rpc_seconds_sum{contract="push"}', 3).adds('rpc_seconds_bucket{le="1"}', 3);
    await story.ledgers.look();
    story.gateways[0].diesAndStarts().adds(written, 1);
    await story.ledgers.look();
    const sums = story.ledgers.sums();
    expect(sums['skylark_gateway_written_total']).toBe(506);
    expect(Object.keys(sums).filter((name) => name.includes('seconds'))).toEqual([]);
    expect(sums['nodejs_version_info']).toBeUndefined();
  });
});
