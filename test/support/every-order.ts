import { setImmediate as turn } from 'node:timers/promises';

interface Waiting {
  name: string;
  happen: () => Promise<void>;
}

/** What may happen in a story: each step waits until it is chosen, so that the order is the explorer's. */
export class Steps {
  /** What happened, in order. */
  readonly trace: string[] = [];
  private readonly waiting: Waiting[] = [];

  /** @param choose which of so many waiting steps is next. */
  constructor(private readonly choose: (options: number) => number) {}

  /** Does `work` when its turn comes. */
  step<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const happen = async () => {
        try {
          resolve(await work());
        } catch (error) {
          reject(error);
        }
      };
      this.waiting.push({ name, happen });
    });
  }

  /** Lets all steps happen, and those that they bring about. */
  async run(): Promise<void> {
    await settle();
    while (this.waiting.length > 0) {
      const [next] = this.waiting.splice(this.choose(this.waiting.length), 1);
      this.trace.push(next!.name);
      await next!.happen();
      await settle();
    }
  }
}

/** Lets everything go on that waits for nothing but its turn of the loop. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await turn();
}

type Story = (steps: Steps) => Promise<void>;

/**
 * Tells a story once for every order in which its steps can happen.
 * @returns how many orders there were
 * @throws what the story threw, with the order that it happened in.
 */
export async function inEveryOrder(story: Story): Promise<number> {
  let chosen: { choice: number; options: number }[] = [];
  for (let orders = 1; ; orders += 1) {
    let at = 0;
    await tell(story, (options) => {
      const choice = chosen[at]?.choice ?? 0;
      chosen[at] = { choice, options };
      at += 1;
      return choice;
    });
    const last = chosen.slice(0, at).findLastIndex(({ choice, options }) => choice + 1 < options);
    if (last < 0) return orders;
    chosen = [...chosen.slice(0, last), { ...chosen[last]!, choice: chosen[last]!.choice + 1 }];
  }
}

/** Tells a story of too many orders in so many of them, the same ones every time. */
export async function inManyOrders(orders: number, story: Story): Promise<void> {
  let state = 1;
  // The minimal standard generator (Park and Miller).
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let i = 0; i < orders; i += 1) await tell(story, (options) => Math.floor(random() * options));
}

async function tell(story: Story, choose: (options: number) => number): Promise<void> {
  const steps = new Steps(choose);
  try {
    await story(steps);
  } catch (error) {
    throw new Error(`${steps.trace.join(' → ')}: ${String(error)}`, { cause: error });
  }
}
