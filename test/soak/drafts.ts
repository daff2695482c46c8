import type { Seeded } from '../fuzz/seeded.js';
import { expressions, type Audience } from './audience.js';

/** To whom pushes can go. */
export interface Addressees {
  rooms: readonly string[];
  users: readonly string[];
  devices: readonly string[];
}

/** A push to be: its target's own route, and what that route takes beside the message. */
export interface Draft {
  path: 'all' | 'labels' | 'rooms' | 'users' | 'devices' | 'connections';
  channels: string[];
  audience: Audience;
  body: Record<string, unknown>;
}

/** So long the same channels are pushed to. */
const windowMs = 12_000;

/** Chooses to whom the next push goes. */
export class Drafts {
  private window = -1;
  private awakeNow: Addressees;

  constructor(
    private readonly addressees: Addressees,
    /** Ids of connections that are there now. */
    private readonly connections: () => readonly string[],
    private readonly clients: number,
    private readonly random: Seeded,
    private readonly now: () => number,
  ) {
    this.awakeNow = addressees;
  }

  next(): Draft {
    const { random, awake: addressees } = this;
    const what = random.below(100);
    const some = (of: readonly string[], atMost: number) => [
      ...new Set(Array.from({ length: 1 + random.below(atMost) }, () => random.one(of))),
    ];
    const match = random.below(expressions.length);
    const { text } = expressions[match]!;
    const isMatched = random.chance(12);
    // Paced, it takes a second or a quarter of one.
    const speed = random.chance(10) && { speed: this.clients * random.one([1, 4]) };
    if (what < 6) {
      const matched = isMatched && { match: text };
      return { path: 'all', channels: ['all'], audience: isMatched ? { match } : {}, body: { ...matched, ...speed } };
    }
    if (what < 10) return { path: 'labels', channels: ['all'], audience: { match }, body: { match: text, ...speed } };
    if (what < 55) {
      const rooms = some(addressees.rooms, 3);
      const channels = rooms.map((room) => `room:${room}`);
      const matched = isMatched && { match: text };
      return { path: 'rooms', channels, audience: isMatched ? { match } : {}, body: { rooms, ...matched } };
    }
    const here = what < 60 ? this.connections() : [];
    if (here.length > 0) {
      const connections = some(here, 3);
      const channels = connections.map((id) => `connection:${id}`);
      return { path: 'connections', channels, audience: {}, body: { connections } };
    }
    const users = some(addressees.users, 3);
    const channels = users.map((user) => `user:${user}`);
    const device = random.one(addressees.devices);
    const devices = new Map(users.map((user) => [user, [device]]));
    if (what < 85) return { path: 'users', channels, audience: {}, body: { users } };
    if (what < 93) return { path: 'users', channels, audience: { devices }, body: { users, device } };
    return {
      path: 'devices',
      channels,
      audience: { devices },
      body: { targets: users.map((user) => ({ user, device })) },
    };
  }

  /** Most are quiet at a time: what was the last message for long must have come without a later one that shows it missing. */
  private get awake(): Addressees {
    const window = Math.floor(this.now() / windowMs);
    if (window !== this.window) {
      this.window = window;
      const some = (of: readonly string[]) => {
        const chosen = of.filter(() => this.random.chance(30));
        return chosen.length > 3 ? chosen : of;
      };
      this.awakeNow = { ...this.addressees, rooms: some(this.addressees.rooms), users: some(this.addressees.users) };
    }
    return this.awakeNow;
  }
}
