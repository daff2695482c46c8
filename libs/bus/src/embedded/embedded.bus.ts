import { randomBytes } from 'node:crypto';
import { silentLog, type Log, type Metrics } from '@app/runtime';
import { Bus, BusUnavailableError, type Publishing, type ShardConsumer } from '../bus.js';
import { Published } from '../published.js';
import { EmbeddedShard } from './embedded-shard.js';

export interface EmbeddedBusOptions {
  shards: number;
  /** What all shards may hold together until it is committed; 64 MiB unless told. */
  maxBytes?: number;
  log?: Log;
  metrics?: Metrics;
}

/** What a record costs beside its bytes, so that empty ones are bounded too. */
const RECORD_OVERHEAD_BYTES = 64;

/** Shards in this process's memory: bounded in bytes, full refuses and never drops, what is committed is freed. */
export class EmbeddedBus extends Bus {
  readonly shards: number;
  readonly life: string;
  readonly durable = false;
  private readonly maxBytes: number;
  private readonly log: Log;
  private readonly published: Published;
  private readonly logs: EmbeddedShard[];
  private opened = false;
  private consumer: ShardConsumer | undefined;
  private closed: Promise<void> | undefined;
  private bytes = 0;

  constructor({ shards, maxBytes = 64 * 1024 * 1024, log = silentLog, metrics }: EmbeddedBusOptions) {
    super();
    this.published = new Published(metrics);
    this.shards = shards;
    this.maxBytes = maxBytes;
    this.log = log;
    this.life = `embedded/${randomBytes(8).toString('hex')}/${shards}`;
    const free = (records: number, bytes: number) => {
      this.bytes -= bytes + records * RECORD_OVERHEAD_BYTES;
    };
    this.logs = Array.from({ length: shards }, (_, i) => new EmbeddedShard(i, this.life, free));
  }

  open(): Promise<void> {
    this.opened = true;
    return Promise.resolve();
  }

  /** @throws RangeError when there is no such shard. */
  async publish(records: readonly Publishing[]): Promise<void> {
    const away = this.away();
    if (away) throw new BusUnavailableError(away);
    let size = 0;
    for (const { shard, value } of records) {
      if (!this.logs[shard]) throw new RangeError(`there is no shard ${shard}, only 0 to ${this.shards - 1}`);
      size += value.length + RECORD_OVERHEAD_BYTES;
    }
    if (this.bytes + size > this.maxBytes) throw new BusUnavailableError(this.full());
    this.bytes += size;
    for (const record of records) this.logs[record.shard]!.append(record);
    this.published.held(records.length);
  }

  async consume(consumer: ShardConsumer): Promise<void> {
    if (this.consumer) throw new Error('the bus is consumed already');
    const away = this.away();
    if (away) throw new BusUnavailableError(away);
    this.consumer = consumer;
    for (const log of this.logs) log.handTo(consumer, this.log);
  }

  problem(): Promise<string | undefined> {
    const full = this.bytes + RECORD_OVERHEAD_BYTES > this.maxBytes ? this.full() : undefined;
    return Promise.resolve(this.away() ?? full);
  }

  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  private async end(): Promise<void> {
    await Promise.all(this.logs.map((log) => log.stop()));
  }

  private away(): string | undefined {
    if (this.closed) return 'the embedded bus is closed';
    return this.opened ? undefined : 'the embedded bus is not open yet';
  }

  private full(): string {
    return `the embedded bus is full: ${this.bytes} of ${this.maxBytes} bytes wait to be handed over`;
  }
}
