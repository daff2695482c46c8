import { connect as connectPlain } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis';
import { backoffMs } from './backoff.js';
import type { Log } from './logger.js';
import type { RedisAddress } from './redis-address.js';

/** From a slot to a slot, and who has them, the primary first; no host stands for the one that was asked. */
type SlotRange = [from: number, to: number, ...nodes: [host: string | null, port: number][]];

type Stream = Awaited<ReturnType<AbstractConnector['connect']>>;

/** What ioredis is to be told so that it finds the server that takes our writes. */
export function addressOptions(address: RedisAddress, prefix: string, connectTimeout: number, log: Log): RedisOptions {
  const { kind, hosts, master, username, password, db } = address;
  const tls = tlsOf(address, log);
  const who = { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
  const common: RedisOptions = { ...who, db, ...(tls && { tls }) };
  if (kind === 'sentinel') {
    const { sentinelUsername, sentinelPassword } = address;
    return {
      ...common,
      sentinels: [...hosts],
      name: master,
      failoverDetector: true,
      sentinelRetryStrategy: (attempt) => backoffMs(attempt, 50, 2_000),
      ...(sentinelUsername !== undefined && { sentinelUsername }),
      ...(sentinelPassword !== undefined && { sentinelPassword }),
      ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
    };
  }
  if (kind === 'cluster') {
    const Connector = slotConnector(hosts, prefix, { ...common, connectTimeout });
    return { ...common, Connector };
  }
  return { ...common, ...hosts[0]! };
}

/** Read at each connection, because certificates may have been renewed. */
function tlsOf({ isTls, tls }: RedisAddress, log: Log): ConnectionOptions | undefined {
  if (!isTls) return undefined;
  const told = (why: string) => log.error({ why }, 'certificates of Redis not read again');
  if (!tls) return {};
  return {
    get secureContext() {
      return tls.now(told).context;
    },
  };
}

/**
 * All our keys are in one slot of the cluster (their prefix has a hash tag), so that one connection is enough: to the
 * node that has the slot now, which is asked for at each connection.
 */
function slotConnector(hosts: RedisAddress['hosts'], prefix: string, how: RedisOptions) {
  let known = [...hosts];
  return class SlotConnector extends AbstractConnector {
    constructor() {
      super(2_000);
    }

    async connect(): Promise<Stream> {
      this.connecting = true;
      const found = await this.find();
      if (!this.connecting) throw new Error('Connection is closed.');
      const { tls } = how;
      const stream = tls ? connectTls({ ...found, ...tls }) : connectPlain(found);
      this.stream = stream;
      return stream;
    }

    /** Asks one after another, those of the settings too, whatever became of the cluster meanwhile. */
    private async find(): Promise<{ host: string; port: number }> {
      for (const node of [...known, ...hosts]) {
        const asked = new Redis({
          ...how,
          ...node,
          lazyConnect: true,
          retryStrategy: () => null,
          commandTimeout: how.connectTimeout!,
        });
        asked.on('error', () => {}); // told by what is asked
        try {
          await asked.connect();
          const slot = await asked.cluster('KEYSLOT', prefix);
          const ranges = (await asked.cluster('SLOTS')) as unknown as SlotRange[];
          const at = ([host, port]: [string | null, number]) => ({ host: host || node.host, port });
          known = ranges.flatMap(([, , ...nodes]) => nodes.map(at));
          const range = ranges.find(([from, to]) => from <= slot && slot <= to);
          if (!range) throw new Error(`nobody in the cluster has slot ${slot}`);
          return at(range[2]!);
        } catch {
          // the next one may know
        } finally {
          asked.disconnect();
        }
      }
      return hosts[0]!; // a connector that throws is never asked again: let the connection fail
    }
  };
}
