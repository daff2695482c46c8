import { CloseCode } from '@app/protocol';
import type { Log } from '@app/runtime';
import type { SessionTable } from '../session/session-table.js';
import type { ChannelTable } from './channel-table.js';

/** Stands for the epoch as long as no job has named one: a position that clients can say again, and that is never current. */
export const noEpoch = 'none';

/** The life of the bus that positions here belong to. */
export class CurrentEpoch {
  private name = noEpoch;

  constructor(
    private readonly sessions: SessionTable,
    private readonly channels: ChannelTable,
    private readonly log: Log,
    /** So many messages of the epoch before were held back for sessions. */
    private readonly lost: (messages: number) => void = () => {},
  ) {}

  get value(): string {
    return this.name;
  }

  /** Offsets began again: who was told positions of the epoch before is closed 4410 and comes back for new ones. */
  adopt(epoch: string): void {
    const before = this.name;
    if (epoch === before) return;
    this.name = epoch;
    this.log.info({ before, epoch }, 'epoch adopted');
    if (before === noEpoch) return;
    for (const channel of this.channels) channel.last = undefined;
    for (const session of this.sessions) {
      // Who arrives is welcomed at positions of this epoch, and those of the one before would lie far above them.
      this.lost(session.held?.forget() ?? 0);
      if (session.state === 'live') session.close(CloseCode.gap);
    }
  }
}
