import type { Position, Welcome } from '@app/protocol';
import type { Clients } from '../support/clients.js';
import { until } from '../support/until.js';
import { connect, type ServerPacket, type WireClient } from '../support/wire-client.js';

/** Settings under which rooms keep more than any test pushes: what is missing then was lost. */
export const keepsAll = { CHANNEL_POLICIES: 'room:=100000/10m' };

/** Pushes to rooms, one after the other in each, and what was accepted of them. */
export class Stream {
  /** Message ids answered 202, by room, in order. */
  readonly accepted: ReadonlyMap<string, string[]>;
  private readonly stopping = new AbortController();
  private readonly running: Promise<unknown>;

  private constructor(
    private readonly cluster: Clients,
    rooms: readonly string[],
  ) {
    this.accepted = new Map(rooms.map((room) => [room, []]));
    this.running = Promise.all(rooms.map((room) => this.pushTo(room)));
    this.running.catch(() => {}); // told by `stop`
  }

  /** Pushes until `stop`; resolves when it is under way. */
  static async into(cluster: Clients, rooms: readonly string[]): Promise<Stream> {
    const stream = new Stream(cluster, rooms);
    await stream.more(20);
    return stream;
  }

  /** Resolves when every room has accepted so many more. */
  async more(pushes: number): Promise<void> {
    const enough = [...this.accepted.values()].map((ids) => ({ ids, wanted: ids.length + pushes }));
    await until(() => enough.every(({ ids, wanted }) => ids.length >= wanted), `${pushes} more pushes`);
  }

  /** What was accepted until now. */
  get soFar(): Pick<Stream, 'accepted'> {
    return { accepted: new Map([...this.accepted].map(([room, ids]) => [room, [...ids]])) };
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** A push that is not accepted is not tried again: it may be held all the same, and would come twice under two ids. */
  private async pushTo(room: string): Promise<void> {
    const message = { rooms: [room], type: 3, data: 'x' };
    for (let n = 0; !this.stopping.signal.aborted; n += 1) {
      const asked = { logic: n % this.cluster.restUrls.length };
      const answer = await this.cluster.post<{ id: string }>('/v1/push/rooms', message, asked).catch(() => undefined);
      if (answer?.status === 202) this.accepted.get(room)!.push(answer.body.id);
      else if (answer && answer.status !== 503) throw new Error(JSON.stringify(answer.body));
    }
  }
}

/** Where a client was told that something may be missing. */
const hole = Symbol('hole');

/** A client that comes back with the positions it has, to the next gateway, whenever its connection ends. */
export class Follower {
  /** How its connections ended. */
  readonly closes: number[] = [];
  /** What its welcomes said of each channel it came back to. */
  readonly recovered: (boolean | undefined)[] = [];
  /** By channel. */
  private readonly got = new Map<string, (string | typeof hole)[]>();
  private readonly positions = new Map<string, Position>();
  private client!: WireClient;
  private hasLeft = false;

  private constructor(
    private readonly cluster: Clients,
    private readonly user: string,
    private readonly rooms: readonly string[],
    private gateway: number,
  ) {}

  static async of(cluster: Clients, user: string, rooms: readonly string[], gateway = 0): Promise<Follower> {
    const follower = new Follower(cluster, user, rooms, gateway);
    await follower.come();
    return follower;
  }

  /** Waits for the last one accepted in each room; then each must have come once and in order, or a hole was told. */
  async hasAll({ accepted }: Pick<Stream, 'accepted'>): Promise<void> {
    const lacking = () => this.rooms.filter((room) => !this.in(room).includes(accepted.get(room)!.at(-1)!));
    await until(() => lacking().length === 0, `the end of each room at ${this.user}`).catch((error: unknown) => {
      throw new Error(`${String(error)}: nothing of ${lacking().join()} (closed ${this.closes.join()})`);
    });
    for (const room of this.rooms) {
      const problem = difference(accepted.get(room)!, this.in(room));
      if (problem) throw new Error(`${this.user} in ${room}: ${problem} (closed ${this.closes.join()})`);
    }
  }

  async leave(): Promise<void> {
    this.hasLeft = true;
    await this.client.drop();
  }

  private in(room: string): (string | typeof hole)[] {
    return this.got.get(`room:${room}`) ?? [];
  }

  private async come(): Promise<void> {
    const since = [...this.positions].map(([channel, { epoch, offset }]) => `${channel}@${epoch}:${offset}`).join();
    const query = { user: this.user, rooms: this.rooms.join(), ...(since && { since }) };
    let welcome: Welcome | undefined;
    await until(async () => {
      const url = this.cluster.clientUrls[this.gateway % this.cluster.clientUrls.length]!;
      try {
        this.client = await connect(url, { query });
        welcome = await this.client.welcome();
      } catch {
        this.gateway += 1; // that one is not there, or not ready
      }
      return welcome !== undefined || this.hasLeft;
    }, `${this.user} to come back`);
    if (welcome) this.follow(this.client, welcome);
  }

  private follow(client: WireClient, welcome: Welcome): void {
    for (const room of this.rooms) {
      const channel = `room:${room}`;
      const { epoch, offset, recovered } = welcome.channels[channel]!;
      if (!this.got.has(channel)) this.got.set(channel, []);
      else this.recovered.push(recovered);
      if (this.positions.has(channel) && recovered !== true) this.in(room).push(hole);
      this.positions.set(channel, { epoch, offset });
    }
    for (const packet of client.packets) this.take(packet);
    client.socket.on('message', () => this.take(client.packets.at(-1)!)); // the client itself has listened before
    void client.closed.then(({ code }) => {
      if (this.hasLeft) return;
      this.closes.push(code);
      this.gateway += 1;
      return this.come();
    });
  }

  private take({ channel, id, offset }: ServerPacket): void {
    if (channel === undefined || id === undefined) return;
    this.got.get(channel)?.push(id);
    if (this.positions.has(channel)) this.positions.get(channel)!.offset = offset!;
  }
}

/**
 * What is wrong, if not each accepted id came once and in order; ids may be missing only where a hole was told, and behind it
 * what is still held comes, whether or not it had come before.
 */
function difference(accepted: readonly string[], got: readonly (string | typeof hole)[]): string | undefined {
  const places = new Map<unknown, number>(accepted.map((id, place) => [id, place]));
  const seen = new Set<string>();
  let next = 0;
  let isTold = false;
  for (const id of got) {
    if (id === hole) {
      isTold = true;
      seen.clear();
      continue;
    }
    if (seen.has(id)) return `no. ${places.get(id)} came twice`;
    seen.add(id);
    const place = places.get(id);
    if (place === undefined) continue; // not accepted, and held all the same
    if (place < next && !isTold) return `no. ${place} came after no. ${next - 1}`;
    if (place > next && !isTold)
      return `no. ${next} to ${place - 1} of ${accepted.length} never came, and nobody said so`;
    next = place + 1;
    isTold = false;
  }
  return undefined; // that the last one came is waited for
}
