import { Bus, type OwnedShard, type Publishing, type ShardConsumer } from '@app/bus';
import { createLog, Metrics, readConfig } from '@app/runtime';
import { FakeShard } from '../../../apps/job/src/shard/fake-shard.contract.js';
import { jobConfig } from '../../../apps/job/src/job.config.js';
import { startJob, type RunningJob } from '../../../apps/job/src/start.js';
import { clusterEnv, type Shared } from '../../support/cluster.js';

/** What was published, shard by shard, for an owner to come. */
export interface Published {
  shards: Publishing[][];
  readonly count: number;
  /** Records that the second owner has not handed over. */
  waiting: number;
}

/** Keeps what is published from now on. */
export function record(bus: Bus): Published {
  const shards: Publishing[][] = Array.from({ length: bus.shards }, () => []);
  const publish = bus.publish.bind(bus);
  bus.publish = async (publishing) => {
    await publish(publishing);
    for (const one of publishing) shards[one.shard]!.push(one);
  };
  return {
    shards,
    get count() {
      return shards.flat().length;
    },
    waiting: -1,
  };
}

const secondEpoch = 2;

/** A job that has the shards from their first record on, as after a hand-over of one that had committed nothing. */
export async function secondOwner(
  { bus, registry, history }: Shared,
  settings: Record<string, string>,
  published: Published,
): Promise<RunningJob> {
  const env = clusterEnv(settings);
  const config = readConfig(env, (reader) => jobConfig(reader, 'standalone'));
  const log = createLog('silent');
  const again = new BusAgain(bus, published);
  // Kafka's fence would refuse the first owner, which has found out by history that it is a ghost; this bus would not.
  const remembers = history.remembers.bind(history);
  history.remembers = async (life, owners) => {
    const asLeft = await remembers(life, owners);
    return owners.map(({ ownerEpoch }, i) => asLeft[i]! || ownerEpoch < secondEpoch);
  };
  return startJob({ config, log, metrics: new Metrics(), listenHttp: false, bus: again, registry, history });
}

class BusAgain extends Bus {
  readonly shards;
  readonly life;
  readonly durable = false;

  constructor(
    first: Bus,
    private readonly published: Published,
  ) {
    super();
    this.shards = first.shards;
    this.life = first.life;
  }

  open = () => Promise.resolve();
  publish = () => Promise.reject(new Error('nothing is pushed here'));
  problem = () => Promise.resolve(undefined);
  close = () => Promise.resolve();

  async consume(consumer: ShardConsumer): Promise<void> {
    const { published } = this;
    published.waiting = published.count;
    for (const [shard, records] of published.shards.entries()) {
      let committed = 0;
      const owned: OwnedShard = new FakeShard({ shard, ownerEpoch: secondEpoch, life: this.life });
      owned.commit = (offset) => {
        published.waiting -= offset - committed;
        committed = offset;
      };
      const entries = records.map(({ value }, offset) => ({ offset, value }));
      if (entries.length > 0) await consumer.take(owned, entries);
    }
  }
}
