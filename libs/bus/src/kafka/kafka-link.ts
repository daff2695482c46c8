import { within } from './time-limit.js';

interface Connectable {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

/** A client of Kafka that is made when it is needed, and made anew after every failure. */
export class KafkaLink<Client extends Connectable> {
  private link: Promise<Client> | undefined;

  /** @param limitMs after which a task counts as failed. */
  constructor(
    private readonly make: () => Client,
    private readonly limitMs: number,
  ) {}

  async use<T>(task: (client: Client) => Promise<T>): Promise<T> {
    this.link ??= this.connect();
    const { link } = this;
    try {
      return await within(this.limitMs, 'Kafka did not answer', link.then(task));
    } catch (error) {
      if (this.link === link) this.link = undefined;
      leave(link);
      throw error;
    }
  }

  close(): void {
    if (this.link) leave(this.link);
    this.link = undefined;
  }

  private async connect(): Promise<Client> {
    const client = this.make();
    try {
      await client.connect();
      return client;
    } catch (error) {
      client.disconnect().catch(() => {});
      throw error;
    }
  }
}

/** Nobody waits for a connection that is given up. */
function leave(link: Promise<Connectable>): void {
  link.then((client) => client.disconnect()).catch(() => {});
}
