import type { Clients } from '../support/clients.js';
import type { WireClient } from '../support/wire-client.js';
import { until } from '../support/until.js';

export interface Undisturbed {
  pushed: number;
  /** Numbers in the order in which they came. */
  came: number[];
  p50Ms: number;
  p99Ms: number;
}

/** One who is in a room that nobody else knows, and one who pushes there, all the time. */
export class Bystander {
  private readonly sentAt: number[] = [];
  private readonly latencies: number[] = [];
  private readonly came: number[] = [];
  private going = true;
  private readonly pushing: Promise<void>;
  private readonly pinging;

  private constructor(
    private readonly clients: Clients,
    readonly client: WireClient,
    private readonly room: string,
  ) {
    client.socket.on('message', (data: Buffer) => {
      const { channel, data: n } = JSON.parse(data.toString()) as { channel?: string; data: number };
      if (channel !== `room:${room}`) return;
      this.latencies.push(performance.now() - this.sentAt[n]!);
      this.came.push(n);
    });
    this.pinging = setInterval(() => client.send('{"type":1,"data":"PING"}'), 5_000);
    this.pushing = this.push();
  }

  static async start(clients: Clients): Promise<Bystander> {
    const room = 'bystanders-only';
    return new Bystander(clients, await clients.connect('bystander', { rooms: [room] }), room);
  }

  /** Stops when everything has come, and tells how it went. */
  async stop(): Promise<Undisturbed> {
    this.going = false;
    clearInterval(this.pinging);
    await this.pushing;
    await until(() => this.came.length >= this.sentAt.length, 'the last push to the bystander');
    const sorted = this.latencies.toSorted((a, b) => a - b);
    const at = (part: number) => Math.round((sorted[Math.floor(sorted.length * part)] ?? 0) * 10) / 10;
    return { pushed: this.sentAt.length, came: this.came, p50Ms: at(0.5), p99Ms: at(0.99) };
  }

  private async push(): Promise<void> {
    while (this.going) {
      const n = this.sentAt.push(performance.now()) - 1;
      await this.clients.push('rooms', { rooms: [this.room], type: 3, data: n });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
