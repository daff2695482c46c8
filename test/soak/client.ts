import { WebSocket } from 'ws';
import {
  mayReconnect,
  PacketType,
  pingText,
  type ChannelState,
  type Joined,
  type Position,
  type Welcome,
} from '@app/protocol';
import type { Seeded } from '../fuzz/seeded.js';
import type { Person } from './audience.js';
import { Receipts, type Follower, type Stay, type Visit } from './journal.js';

/** What clients share. */
export interface World {
  /** Where gateways take clients, `ws://host:port/connect`. */
  gateways: readonly string[];
  /** Milliseconds of the run. */
  now(): number;
  /** A push came from a gateway, if only to a connection that its client has given up. */
  onReceived(gateway: number): void;
  /** A push came to a client. */
  onDelivery(follower: Follower, payload: Payload, at: number): void;
}

/** What a push carries: its number, and which variant this is. */
export interface Payload {
  n: number;
  v?: number;
}

interface Packet {
  type: number;
  data?: unknown;
  channel?: string;
  offset?: number;
  ref?: string;
  error?: { code: string };
}

/** Silence after a PING for which the connection is given up. */
const pongMs = 8_000;
const upgradeMs = 10_000;
const backoffAtMostMs = 8_000;

/**
 * A good client: comes back with its positions and full jitter, does as goodbyes and close codes say, and writes down
 * what came. What it does of its own accord is up to `Habits`.
 */
export class SoakClient {
  readonly follower: Follower;
  /** Rooms that it wants to be in. */
  readonly rooms: Set<string>;
  state: 'away' | 'coming' | 'here' | 'gone' = 'away';
  /** How its connections ended, by code, and upgrades refused, by status. */
  readonly ends = new Map<string, number>();
  /** Rooms that it is to stay in by REST, as it was told last. */
  private readonly lasting = new Set<string>();
  private readonly positions = new Map<string, Position>();
  private line: Line | undefined;
  private attempts = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    readonly name: string,
    person: Person,
    rooms: readonly string[],
    public gateway: number,
    private readonly world: World,
    private readonly random: Seeded,
  ) {
    this.rooms = new Set(rooms);
    const wants = new Set(['all', `user:${person.user}`, ...rooms.map((room) => `room:${room}`)]);
    this.follower = { ...person, name, wants, visits: [], stays: new Map(), pauses: [], strays: [] };
  }

  /** The connection that it has now. */
  get visit(): Visit | undefined {
    return this.state === 'here' ? this.follower.visits.at(-1) : undefined;
  }

  get isPaused(): boolean {
    return this.line?.socket.isPaused ?? false;
  }

  come(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.state !== 'away') return;
    this.state = 'coming';
    this.open();
  }

  /** A second connection of the same device while the first one lives: it replaces the first (4409). */
  double(): void {
    if (this.state !== 'here') return;
    this.state = 'coming';
    this.open();
  }

  /** The connection ends without a goodbye, and nobody comes back for a while. */
  drop(awayMs: number): void {
    this.line?.end();
    this.comeAfter(awayMs);
  }

  /** Closes in order and comes to another gateway. */
  move(awayMs: number): void {
    this.gateway = this.elsewhere();
    this.line?.close();
    this.comeAfter(awayMs);
  }

  pause(ms: number): void {
    const line = this.line;
    if (!line || this.isPaused) return;
    const pause: [number, number] = [this.world.now(), Infinity];
    this.follower.pauses.push(pause);
    line.socket.pause();
    setTimeout(() => {
      line.socket.resume();
      pause[1] = this.world.now();
    }, ms).unref();
  }

  join(room: string, withSince: boolean): void {
    if (this.state !== 'here') return;
    this.rooms.add(room);
    const channel = `room:${room}`;
    this.follower.wants.add(channel);
    if (!withSince) this.positions.delete(channel);
    this.line?.join(room, this.positions.get(channel));
  }

  leave(room: string): void {
    if (this.state !== 'here') return;
    this.rooms.delete(room);
    this.follower.wants.delete(`room:${room}`);
    this.line?.leave(room);
  }

  /** For good: at the end of everything. */
  end(): void {
    this.state = 'gone';
    clearTimeout(this.timer);
    this.line?.end();
  }

  private elsewhere(): number {
    const { length } = this.world.gateways;
    return length < 2 ? 0 : (this.gateway + 1 + this.random.below(length - 1)) % length;
  }

  private comeAfter(ms: number): void {
    if (this.state === 'gone') return;
    this.state = 'away';
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.come(), ms);
  }

  private open(): void {
    const since = new Map<string, Position>();
    const wanted = ['all', 'user', ...[...this.rooms, ...this.lasting].map((room) => `room:${room}`)];
    for (const channel of wanted) {
      const position = this.positions.get(channel);
      if (position) since.set(channel, { ...position });
    }
    const line: Line = new Line(this.url(since), this.gateway, since, this.follower, this.positions, this.world, {
      onWelcome: ({ connectionId, rooms }) => {
        this.attempts = 0;
        this.lasting.clear();
        for (const room of rooms) if (!this.rooms.has(room)) this.lasting.add(room);
        clearTimeout(this.timer);
        this.timer = undefined;
        this.line?.supersede();
        this.line = line;
        this.state = 'here';
        const from = this.world.now();
        const { visits } = this.follower;
        if (visits.length > 0) visits.at(-1)!.to ??= from;
        visits.push({ id: connectionId, gateway: this.gateway, askedAt: line.askedAt, from, to: undefined, vips: [] });
        for (const room of this.rooms) if (!line.isIn(`room:${room}`)) line.join(room, undefined);
      },
      onPut: (room, isIn) => (isIn ? this.lasting.add(room) : this.lasting.delete(room)),
      onEnd: (why, afterMs) => this.ended(line, why, afterMs),
    });
  }

  private url(since: ReadonlyMap<string, Position>): string {
    const { user, device, labels } = this.follower;
    const url = new URL(this.world.gateways[this.gateway]!);
    const query = {
      user,
      device,
      rooms: [...this.rooms].join(),
      labels: Object.entries(labels)
        .map(([key, value]) => `${key}:${value}`)
        .join(),
      since: [...since].map(([channel, { epoch, offset }]) => `${channel}@${epoch}:${offset}`).join(),
    };
    for (const [name, value] of Object.entries(query)) if (value) url.searchParams.set(name, value);
    return url.href;
  }

  private ended(line: Line, why: string, afterMs: number | undefined): void {
    this.ends.set(why, (this.ends.get(why) ?? 0) + 1);
    if (this.line === line) {
      this.line = undefined;
      const visit = this.follower.visits.at(-1)!;
      visit.to = this.world.now();
    } else if (this.line) {
      // The second connection did not come to be, or the first one was replaced by it.
      if (this.state === 'coming' && !line.wasWelcomed) this.state = 'here';
      return;
    }
    if (this.state === 'gone' || this.timer) return;
    if (this.state === 'coming' && line.wasWelcomed) return; // the second one is under way
    this.attempts += 1;
    const jitter = this.random.below(Math.min(backoffAtMostMs, 200 * 2 ** Math.min(this.attempts, 10)));
    if (this.attempts > 1 || afterMs !== undefined || this.random.chance(50)) this.gateway = this.elsewhere();
    this.comeAfter(afterMs === undefined ? jitter : afterMs + this.random.below(500));
  }
}

interface LineEvents {
  onWelcome(welcome: Welcome): void;
  /** REST has put the connection into a room, or taken it out. */
  onPut(room: string, isIn: boolean): void;
  /** `afterMs`: when the server said when to come back. */
  onEnd(why: string, afterMs: number | undefined): void;
}

/** One connection of a client. */
class Line {
  readonly socket: WebSocket;
  wasWelcomed = false;
  readonly askedAt: number;
  /** Channels that its upgrade asked for, or has anyhow. */
  private readonly asked: readonly string[];
  private readonly stays = new Map<string, Stay>();
  private readonly requests = new Map<string, (packet: Packet) => void>();
  private refs = 0;
  private isOver = false;
  private isSuperseded = false;
  private afterMs: number | undefined;
  private beat: NodeJS.Timeout | undefined;
  private deadline: NodeJS.Timeout;

  constructor(
    url: string,
    private readonly gateway: number,
    private readonly since: ReadonlyMap<string, Position>,
    private readonly follower: Follower,
    private readonly positions: Map<string, Position>,
    private readonly world: World,
    private readonly events: LineEvents,
  ) {
    this.askedAt = world.now();
    this.asked = [...follower.wants];
    this.socket = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true });
    this.deadline = setTimeout(() => this.over('no welcome'), upgradeMs);
    this.socket.on('message', (data) => this.take(JSON.parse((data as Buffer).toString()) as Packet));
    this.socket.on('error', () => {}); // the close that follows tells
    this.socket.on('close', (code) => this.over(String(code)));
    this.socket.on('unexpected-response', (_request, response) => {
      const seconds = Number(response.headers['retry-after']);
      if (seconds >= 0) this.afterMs = seconds * 1000;
      response.resume();
      this.over(`HTTP ${response.statusCode}`);
    });
  }

  isIn(channel: string): boolean {
    return this.stays.has(channel);
  }

  /** Another connection of the client has taken over: what still comes here is not listened to. */
  supersede(): void {
    for (const channel of this.stays.keys()) this.finish(channel, 'dropped');
    this.isSuperseded = true;
    if (this.follower.device === undefined) this.end(); // nobody else will close it
  }

  /** Without a goodbye. */
  end(): void {
    this.over('dropped');
    this.socket.terminate();
  }

  close(): void {
    this.over('closed');
    this.socket.close(1000);
  }

  join(room: string, since: Position | undefined): void {
    const channel = `room:${room}`;
    const askedAt = this.world.now();
    const data = { room, ...(since && { since: `${since.epoch}:${since.offset}` }) };
    this.ask({ type: PacketType.join, data }, (reply) => {
      if (reply.error) return void setTimeout(() => !this.isOver && this.join(room, since), 1_000).unref();
      const state = reply.data as ChannelState | { epoch?: undefined };
      if (state.epoch !== undefined) this.enter(channel, state, since, askedAt); // else it was taken out again meanwhile
    });
  }

  leave(room: string): void {
    const channel = `room:${room}`;
    this.ask({ type: PacketType.leave, data: { room } }, (reply) => {
      if (reply.error) return void setTimeout(() => !this.isOver && this.leave(room), 1_000).unref();
      this.finish(channel, 'left');
    });
  }

  private ask(packet: { type: number; data: unknown }, onReply: (reply: Packet) => void): void {
    const ref = `r${++this.refs}`;
    this.requests.set(ref, onReply);
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ ...packet, ref }));
  }

  private take(packet: Packet): void {
    if (packet.offset !== undefined) this.world.onReceived(this.gateway);
    if (this.isOver) return; // what is read after a drop was never there
    if (packet.offset !== undefined) return this.isSuperseded ? undefined : this.delivered(packet);
    if (packet.type === PacketType.welcome) this.welcomed(packet.data as Welcome);
    else if (packet.type === PacketType.reply) {
      this.requests.get(packet.ref ?? '')?.(packet);
      this.requests.delete(packet.ref ?? '');
    } else if (packet.type === PacketType.joined || packet.type === PacketType.left) {
      if (!this.isSuperseded) this.put(packet.type, packet.data as Joined);
    } else if (packet.type === PacketType.goodbye) {
      this.afterMs = (packet.data as { reconnectAfterMs: number }).reconnectAfterMs;
    } else if (packet.type === PacketType.ping) clearTimeout(this.deadline);
  }

  private welcomed(welcome: Welcome): void {
    const { channels, connectionId, heartbeatMs } = welcome;
    this.wasWelcomed = true;
    clearTimeout(this.deadline);
    this.beat = setInterval(() => this.ping(), heartbeatMs);
    for (const [channel, state] of Object.entries(channels)) {
      this.enter(channel, state, this.since.get(channel), this.askedAt);
    }
    // It will be joined anew, without a word of what was missed.
    const told = new Set(Object.keys(channels).map((name) => this.channelOf(name)));
    for (const channel of this.asked.filter((one) => !told.has(one))) {
      const why = 'asked for and not in the welcome';
      this.follower.strays.push({ channel, n: -1, at: this.world.now(), why });
    }
    // Nothing of it is kept, and it has no position to come back with.
    this.stay(`connection:${connectionId}`, { epoch: 'none', offset: -1 }, undefined, this.askedAt);
    this.events.onWelcome(welcome);
  }

  private put(type: number, { room, ...state }: Joined): void {
    const channel = `room:${room}`;
    if (type === PacketType.left) this.finish(channel, 'left');
    else if (!this.isIn(channel)) this.enter(channel, state, undefined, this.world.now()); // the welcome had named it
    this.events.onPut(room, type === PacketType.joined);
  }

  private ping(): void {
    if (this.socket.isPaused) return;
    this.socket.send(pingText);
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => {
      this.over('silence');
      this.socket.terminate();
    }, pongMs);
  }

  private enter(name: string, state: ChannelState, since: Position | undefined, askedAt: number): void {
    const { began } = this.stay(name, state, since, askedAt);
    const known = this.positions.get(name);
    // What came on the connection before, after this one had asked, need not come again after the next.
    const isBehind = began === 'resumed' && known?.epoch === state.epoch && known.offset > state.offset;
    if (!isBehind) this.positions.set(name, { epoch: state.epoch, offset: state.offset });
  }

  private stay(name: string, state: ChannelState, since: Position | undefined, askedAt: number): Stay {
    const channel = this.channelOf(name);
    const stay: Stay = {
      channel,
      began: since === undefined ? 'fresh' : state.recovered === true ? 'resumed' : 'hole',
      epoch: state.epoch,
      base: state.offset,
      since,
      askedAt,
      openedAt: this.world.now(),
      closedAt: undefined,
      end: 'open',
      got: new Receipts(),
    };
    this.stays.set(name, stay);
    const list = this.follower.stays.get(channel);
    if (list) list.push(stay);
    else this.follower.stays.set(channel, [stay]);
    return stay;
  }

  /** On the wire a client's own channel is `user`. */
  private channelOf(name: string): string {
    return name === 'user' ? `user:${this.follower.user}` : name;
  }

  private delivered({ channel = 'user', data, offset }: Packet): void {
    const { n } = data as Payload;
    const at = this.world.now();
    this.world.onDelivery(this.follower, data as Payload, at);
    const stay = this.stays.get(channel);
    if (!stay) {
      this.follower.strays.push({ channel: this.channelOf(channel), n, at, why: 'came while not in the channel' });
      return;
    }
    stay.got.add(n, offset!, at);
    const position = this.positions.get(channel);
    if (position?.epoch === stay.epoch) position.offset = Math.max(position.offset, offset!);
  }

  private finish(channel: string, end: 'left' | 'dropped'): void {
    const stay = this.stays.get(channel);
    if (!stay) return;
    stay.end = end;
    stay.closedAt = this.world.now();
    this.stays.delete(channel);
  }

  private over(why: string): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.deadline);
    clearInterval(this.beat);
    for (const channel of this.stays.keys()) this.finish(channel, 'dropped');
    if (why === 'no welcome' || why.startsWith('HTTP')) this.socket.terminate();
    const isRefused = /^\d+$/.test(why) && !mayReconnect(Number(why));
    this.events.onEnd(isRefused ? `${why}!` : why, this.afterMs);
  }
}
