import { parseChannel } from '@app/protocol';
import type { NodeRef, PresenceChange, PresenceDirectory } from '@app/registry';
import { backoffMs, type Clock, type Log } from '@app/runtime';
import type { LocalChannel } from '../room/channel-table.js';

/** Changes in one write: more would hold the registry up, or never be done in the time that one command has. */
const atOnce = 1_000;

/**
 * Tells the registry which users and rooms this node holds. What a tick brings is written in one round trip (very much
 * in several), the latest state of each; one write is under way at a time, and one that failed is written again before anything newer counts.
 */
export class Registrar {
  private pending = new Map<string, PresenceChange>();
  /** Numbers of what was told and of what is written, so that `settled` knows what it waits for. */
  private told = 0;
  private written = 0;
  private readonly waiters = new Set<{ for: number; resolve: () => void }>();
  private isRunning = false;
  private isClosed = false;
  private trouble: string | undefined;

  constructor(
    private readonly presence: PresenceDirectory,
    private readonly node: () => NodeRef,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** The first member of a channel came, or the last one left: what `ChannelTable` calls. Only users and rooms are registered. */
  tell(local: LocalChannel, present: boolean): void {
    const kind = parseChannel(local.channel)?.kind;
    if (kind !== 'user' && kind !== 'room') return;
    const key = `${local.app}/${local.channel.slice(kind.length + 1)}`;
    this.pending.set(`${kind}:${key}`, { kind, key, present });
    this.told += 1;
    this.schedule();
  }

  /** Everything that is here again: the registry has lost what this node had written. */
  assertAll(channels: Iterable<LocalChannel>): void {
    for (const local of channels) this.tell(local, true);
  }

  /**
   * Resolves when everything told before is written, however long the registry takes, or within `limitMs` milliseconds.
   * @throws when it is not written in time
   */
  settled(limitMs?: number): Promise<void> {
    if (this.written >= this.told) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = { for: this.told, resolve };
      this.waiters.add(waiter);
      if (limitMs === undefined) return;
      const tooLate = this.clock.after(limitMs, () => {
        this.waiters.delete(waiter);
        reject(new Error(`nothing was written within ${limitMs} ms`));
      });
      waiter.resolve = () => {
        tooLate.stop();
        resolve();
      };
    });
  }

  /** Undefined when writes succeed, else what is wrong. */
  problem(): string | undefined {
    return this.trouble;
  }

  /** Tries no more. */
  close(): void {
    this.isClosed = true;
  }

  private schedule(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    setImmediate(() => void this.run());
  }

  private async run(): Promise<void> {
    for (let failures = 0; this.pending.size > 0 && !this.isClosed;) {
      const upTo = this.told;
      const batch = [...this.pending];
      this.pending = new Map();
      let done = 0;
      try {
        for (; done < batch.length; done += atOnce) {
          const group = batch.slice(done, done + atOnce).map(([, change]) => change);
          await this.presence.apply(this.node(), group);
        }
        failures = 0;
        this.trouble = undefined;
        this.wrote(upTo);
      } catch (error) {
        failures += 1;
        this.trouble = `registry: ${error instanceof Error ? error.message : String(error)}`;
        this.log.warn({ err: error, changes: batch.length - done, failures }, 'presence not written, trying again');
        // What was told meanwhile is newer than what failed.
        this.pending = new Map([...batch.slice(done), ...this.pending]);
        await new Promise<void>((resolve) => this.clock.after(backoffMs(failures), resolve));
      }
    }
    this.isRunning = false;
  }

  private wrote(upTo: number): void {
    this.written = upTo;
    for (const waiter of this.waiters) {
      if (waiter.for > upTo) continue;
      this.waiters.delete(waiter);
      waiter.resolve();
    }
  }
}
