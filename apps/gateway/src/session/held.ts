import type { Frame } from './frame.js';

/** A live message held back; without a frame when it is not meant for the session, but its place counts. */
export interface HeldFrame {
  offset: number;
  /** As in Step: the retained offset before it, or -1, or -2. */
  prev: number;
  /** As in Step: with -1, 1 + the last retained offset before it; 0 = none is known. */
  after: number;
  frame: Frame | undefined;
  /** Absolute; 0 = never. */
  expiresAtMs: number;
}

/** One addressed to the connection itself. */
export type HeldDirect = { frame: Frame; expiresAtMs: number };

/** One channel of a session whose history is being read, or was read further than the live messages have come. */
export class HeldChannel {
  /** Everything up to here reached the session by replay; undefined until history has been read. */
  covered: number | undefined = undefined;
  waiting: HeldFrame[] = [];
  /** Neither registry nor history answered in time: the session is not in the channel. */
  hasFailed = false;

  /** Lets go of the messages, not of their places; answers how many that were. */
  empty(): number {
    let messages = 0;
    for (const held of this.waiting) {
      if (held.frame) messages += 1;
      held.frame = undefined;
    }
    return messages;
  }
}

/** Live messages of a session that wait until its replay is done. */
export class Held<C extends object = object> {
  readonly channels = new Map<C, HeldChannel>();
  /** Addressed to the connection itself before its welcome. */
  direct: HeldDirect[] = [];
  /** Bytes of all that is held. */
  bytes = 0;

  /** Lets go of the messages, not of their places; answers how many that were. */
  empty(): number {
    let messages = this.direct.length;
    this.direct = [];
    for (const holding of this.channels.values()) messages += holding.empty();
    this.bytes = 0;
    return messages;
  }

  /** Lets go of what channels brought and of its places, which say nothing any more; answers how many messages that were. */
  forget(): number {
    let messages = 0;
    for (const holding of this.channels.values()) {
      for (const { frame } of holding.waiting) this.bytes -= frame?.length ?? 0;
      messages += holding.empty();
      holding.waiting = [];
    }
    return messages;
  }

  /** Lets go of everything; answers how many messages that were. */
  drop(): number {
    const messages = this.empty();
    this.channels.clear();
    return messages;
  }
}
