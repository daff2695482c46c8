import { persist, type Log, type Metrics, type RedisLink } from '@app/runtime';
import type { ShardOwner } from '../history-store.js';
import type { ReplicaSettings } from '../replica-settings.js';
import { lostUnless, type ShardSeen } from './shard-seen.js';

interface Round {
  owners: Map<number, ShardOwner>;
  /** By shard: what the server that was asked said of it. */
  done: Promise<ReadonlyMap<number, ShardSeen>>;
}

/**
 * Waits until replicas have what was appended. On a connection of its own, because WAIT holds up whatever is asked after
 * it, and one round at a time for all shards: appends of the same moment share it.
 */
export class Replication {
  /** Replicas at the last look; undefined before the first. */
  private connected: number | undefined;
  private own: RedisLink | undefined;
  private next: Round | undefined;
  private running: Promise<unknown> | undefined;
  private isShort = false;
  private readonly closing = new AbortController();
  private readonly unreplicated;

  constructor(
    private readonly link: RedisLink,
    private readonly settings: ReplicaSettings,
    private readonly keys: { rounds: string; shard: (shard: number) => string },
    private readonly log: Log,
    metrics?: Metrics,
  ) {
    this.unreplicated = metrics?.counter(
      'skylark_history_unreplicated_total',
      'Rounds of appends committed although fewer replicas than asked for had them in time',
    );
  }

  /** What INFO replication says. Text of another kind (forbidden by an ACL) counts as no replica. */
  saw(info: unknown): void {
    const found = typeof info === 'string' ? /^connected_slaves:(\d+)/m.exec(info)?.[1] : undefined;
    this.connected = Number(found ?? 0);
  }

  /** As `HistoryStore.replicated`. */
  of(owner: ShardOwner): Promise<void> | undefined {
    const { replicas, isStrict } = this.settings;
    if (replicas === 0 || (this.connected === 0 && !isStrict)) return undefined;
    return this.ask(owner);
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.own?.close();
  }

  private async ask(owner: ShardOwner): Promise<void> {
    const round = (this.next ??= this.begin());
    round.owners.set(owner.shard, owner);
    const seen = (await round.done).get(owner.shard);
    if (seen) lostUnless(seen, owner);
  }

  private begin(): Round {
    const owners = new Map<number, ShardOwner>();
    const before = this.running;
    const run = async () => {
      await before?.catch(() => {});
      await Promise.resolve(); // what was appended in this tick goes along
      this.next = undefined;
      return this.replicate(owners);
    };
    const done = run();
    this.running = done;
    return { owners, done };
  }

  /** While Redis is away nothing is given up: it may come back with less, which the shards must know before they commit. */
  private replicate(owners: ReadonlyMap<number, ShardOwner>): Promise<ReadonlyMap<number, ShardSeen>> {
    return persist(
      async () => {
        const { seen, wanted, copies } = await this.look(owners);
        const isEnough = copies >= wanted;
        if (!isEnough && this.settings.isStrict) throw new TooFewReplicas(copies, wanted);
        this.tell(copies, wanted, isEnough, 'committing what replicas do not have in time');
        return seen;
      },
      {
        signal: this.closing.signal,
        maxMs: 500,
        onFailure: (error) => {
          if (error instanceof TooFewReplicas)
            this.tell(error.copies, error.wanted, false, 'commits wait for replicas');
        },
      },
    );
  }

  private async look(owners: ReadonlyMap<number, ShardOwner>) {
    const { replicas, waitMs, isStrict } = this.settings;
    this.own ??= this.link.sibling('replication', waitMs);
    const redis = await this.own.connected();
    this.saw(await redis.info('replication'));
    const wanted = isStrict ? replicas : Math.min(replicas, this.connected!);
    const pipeline = redis.pipeline();
    for (const shard of owners.keys()) pipeline.hmget(this.keys.shard(shard), 'epoch', 'owner', 'to');
    // WAIT asks for what this connection wrote; replication is one stream, so that all before it is there too.
    if (wanted > 0) pipeline.incr(this.keys.rounds).wait(wanted, waitMs);
    const answers = (await pipeline.exec()) ?? [];
    for (const [error] of answers) if (error) throw error;
    const seen = new Map([...owners.keys()].map((shard, i) => [shard, answers[i]![1] as ShardSeen]));
    return { seen, wanted, copies: wanted > 0 ? Number(answers.at(-1)![1]) : 0 };
  }

  private tell(copies: number, wanted: number, isEnough: boolean, what: string): void {
    if (!isEnough && !this.settings.isStrict) this.unreplicated?.inc();
    if (this.isShort === !isEnough) return;
    this.isShort = !isEnough;
    if (isEnough) this.log.info({ copies }, 'replicas have what was appended again');
    else this.log.warn({ copies, wanted }, what);
  }
}

class TooFewReplicas extends Error {
  constructor(
    readonly copies: number,
    readonly wanted: number,
  ) {
    super(`${copies} of ${wanted} replicas have it`);
  }
}
