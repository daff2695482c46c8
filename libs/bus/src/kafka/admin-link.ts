import type { Admin, Kafka } from 'kafkajs';
import { within } from './time-limit.js';

/** An admin client that is made when it is needed, and made anew after every failure. */
export class AdminLink {
  private link: Promise<Admin> | undefined;

  /** @param limitMs after which a task counts as failed. */
  constructor(
    private readonly kafka: Kafka,
    private readonly limitMs: number,
  ) {}

  async use<T>(task: (admin: Admin) => Promise<T>): Promise<T> {
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

  private async connect(): Promise<Admin> {
    const admin = this.kafka.admin();
    try {
      await admin.connect();
      return admin;
    } catch (error) {
      admin.disconnect().catch(() => {});
      throw error;
    }
  }
}

/** Nobody waits for a connection that is given up. */
function leave(link: Promise<Admin>): void {
  link.then((admin) => admin.disconnect()).catch(() => {});
}
