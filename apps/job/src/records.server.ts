import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Bus, BusEntry, OwnedShard } from '@app/bus';

/** What a `records` handler gets. */
export interface ShardBatch {
  shard: OwnedShard;
  entries: readonly BusEntry[];
}

/** What happens on the bus: entries to be taken, or only to be remembered. */
type Pattern = 'records' | 'recalled';

export const busTransport = Symbol('bus');

/** Nest's transport over the Bus: hands each batch to the `records` handler and lets the bus wait for its promise. */
export class BusServer extends Server implements CustomTransportStrategy {
  override readonly transportId = busTransport;
  override readonly propagatesEventHandlerErrors = true;

  /**
   * @param isOurs a bus that is not ours to open is open already.
   * @param prepare what must be done between opening the bus and the first record.
   */
  constructor(
    private readonly bus: Bus,
    private readonly isOurs: boolean,
    private readonly prepare: (life: string) => Promise<void>,
  ) {
    super();
  }

  listen(callback: (error?: unknown) => void): void {
    void this.consume(callback);
  }

  /** The bus ends with the process, after what it handed over is acknowledged. */
  close(): void {}

  on(): void {}

  unwrap<T>(): T {
    return this.bus as T;
  }

  private async consume(callback: (error?: unknown) => void): Promise<void> {
    try {
      if (this.isOurs) await this.bus.open();
      await this.prepare(this.bus.life);
      await this.bus.consume({
        take: (shard, entries) => this.hand('records', { shard, entries }),
        remember: (shard, entries) => this.hand('recalled', { shard, entries }),
      });
      callback();
    } catch (error) {
      callback(error);
    }
  }

  /** Ours are words. Nest's own tries each as JSON first, at every batch. */
  protected override getRouteFromPattern(pattern: string): string {
    return pattern;
  }

  /** A handler's failure comes back from Nest as a stream that fails. */
  private async hand(pattern: Pattern, batch: ShardBatch): Promise<void> {
    const handler = this.getHandlerByPattern(pattern);
    if (!handler) throw new Error(`nobody handles ${pattern}`);
    const result: unknown = await handler(batch, { shard: batch.shard.shard });
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  }
}
