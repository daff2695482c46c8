import type { Channel } from '@app/protocol';
import type { Message } from '../room/message.js';
import type { Frame } from '../session/frame.js';

/** What all members of a channel get alike, joined: one Buffer, and so one write, for many messages and many members. */
export class JoinedFrames {
  private frames: Frame[] = [];
  private bytes = 0;

  constructor(
    private readonly channel: Channel,
    /** One Buffer for a whole room stays well under what an outbox may hold. */
    private readonly maxBytes: number,
    private readonly give: (joined: Frame, messages: number) => void,
  ) {}

  add(message: Message): void {
    const frame = message.frame(this.channel);
    if (this.bytes + frame.length > this.maxBytes) this.flush();
    this.frames.push(frame);
    this.bytes += frame.length;
  }

  flush(): void {
    const { frames } = this;
    if (frames.length === 0) return;
    this.frames = [];
    this.bytes = 0;
    this.give(frames.length === 1 ? frames[0]! : Buffer.concat(frames), frames.length);
  }
}
