import type { ChannelState, Position } from '@app/protocol';
import type { ChannelTop } from '@app/history';
import { notRetained } from '@app/protocol/wires';
import type { LocalChannel } from '../room/channel-table.js';
import type { Placed } from '../room/message.js';
import { HeldChannel } from '../session/held.js';
import type { HistoryLook } from './history-look.js';

/** Whether all since a position was there; if not, whether history had lost it, or positions had begun again. */
export type Recovery = 'recovered' | 'lost' | 'other_epoch';

/** A channel that a session joins, and what history says of it. */
export class Joining {
  readonly holding = new HeldChannel();
  /** What its client is told. */
  state: ChannelState = { epoch: '', offset: -1 };
  /** What history covers: the live messages that go on behind it are newer. */
  top = -1;
  missed: readonly Placed[] = [];

  constructor(
    readonly local: LocalChannel,
    readonly since: Position | undefined,
  ) {}

  /** What became of the position that its client asked to go on from; undefined when it named none. */
  get recovery(): Recovery | undefined {
    if (this.since === undefined) return undefined;
    if (this.state.recovered) return 'recovered';
    return this.since.epoch === this.state.epoch ? 'lost' : 'other_epoch';
  }

  /** Takes over where history stands, and reads what it has after the position asked for. */
  async place(top: ChannelTop, look: HistoryLook): Promise<void> {
    const { local, since } = this;
    this.top = top.offset;
    this.missed = [];
    this.state = { epoch: top.epoch, offset: top.offset };
    if (since === undefined) return;
    const isSameEpoch = since.epoch === top.epoch;
    // Ahead of all that was ever there: the store has lost what this client had, so we cannot say what else.
    const isAhead = since.offset > top.seen;
    if (isSameEpoch && since.offset >= Math.max(0, top.offset)) {
      this.state = { epoch: top.epoch, offset: isAhead ? top.offset : since.offset, recovered: !isAhead };
      return;
    }
    const page = await look.sharedPage(local.app, local.channel, since);
    if (page.epoch !== top.epoch) return void (this.state.recovered = false);
    this.top = page.top;
    this.missed = page.missed;
    const recovered = page.recovered && isSameEpoch;
    this.state = { epoch: page.epoch, offset: recovered ? since.offset : page.top, recovered };
  }

  /** Whether there are messages that neither history as read nor what is held brings. */
  isBehind(epoch: string): boolean {
    return this.needed(epoch) > this.top;
  }

  /**
   * History never will cover what is needed: it has lost that, and the client is told so.
   * @throws when what was read is of another epoch
   */
  giveUp(epoch: string): void {
    const needed = this.needed(epoch);
    if (needed === Infinity) throw new Error('the epoch changes again and again');
    if (needed <= this.top) return;
    this.top = needed;
    this.state = { epoch: this.state.epoch, offset: needed };
    if (this.since !== undefined) this.state.recovered = false;
  }

  /** The offset up to which history must have been read. */
  private needed(epoch: string): number {
    const { local, holding, top, state } = this;
    if (state.epoch !== epoch) return Infinity;
    const newer = holding.waiting.filter((held) => held.offset > top);
    const heldTo = newer.findLast((held) => held.prev !== notRetained)?.offset ?? top;
    const beforeFirst = newer[0] === undefined ? -1 : Math.max(newer[0].prev, newer[0].after - 1);
    return Math.max(beforeFirst, local.last !== undefined && local.last > heldTo ? local.last : -1);
  }
}
