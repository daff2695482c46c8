import type { Seeded } from '../fuzz/seeded.js';
import type { SoakClient } from './client.js';

/** What a client does of its own accord, until it is told to stay. */
export class Habits {
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;

  constructor(
    private readonly client: SoakClient,
    private readonly rooms: readonly string[],
    private readonly random: Seeded,
    private readonly isJitter: boolean,
  ) {
    this.next();
  }

  stop(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    if (this.client.state === 'away') this.client.come();
  }

  private next(): void {
    if (this.isOver) return;
    const pauseMs = this.isJitter ? 15_000 + this.random.below(45_000) : 3_000 + this.random.below(30_000);
    this.timer = setTimeout(() => {
      if (this.client.state === 'here') this.act();
      this.next();
    }, pauseMs);
  }

  private act(): void {
    const { client, random } = this;
    if (this.isJitter) return client.drop(random.below(15_000));
    const what = random.below(100);
    if (what < 22) this.join();
    else if (what < 42) this.leave();
    else if (what < 62) client.drop(random.chance(50) ? 0 : random.below(15_000));
    else if (what < 76) client.move(random.chance(60) ? 0 : random.below(10_000));
    else if (what < 86) client.pause(1_000 + random.below(14_000));
    else if (what < 94 && client.follower.device !== undefined) client.double();
  }

  private join(): void {
    const others = this.rooms.filter((room) => !this.client.rooms.has(room));
    if (others.length > 0) this.client.join(this.random.one(others), this.random.chance(70));
  }

  private leave(): void {
    const mine = [...this.client.rooms];
    if (mine.length > 1) this.client.leave(this.random.one(mine));
  }
}
