import type { RedisLink } from '@app/runtime';
import { NodeDirectory, type NodeEntry, type NodeKind, type NodeSeen } from '../node-directory.js';
import { defineRegistryCommands, resultsOf } from './commands.js';
import { NodeTable } from './node-table.js';

/** Nodes in one hash a kind. Incarnations of all nodes come from one counter, so that random node ids leave nothing behind. */
export class RedisNodeDirectory extends NodeDirectory {
  private readonly tables: Record<NodeKind, NodeTable>;
  private readonly counter: string;

  constructor(
    private readonly link: RedisLink,
    prefix: string,
  ) {
    super();
    this.tables = { gateway: new NodeTable(link, prefix, 'gateway'), logic: new NodeTable(link, prefix, 'logic') };
    this.counter = `${prefix}incarnation`;
    defineRegistryCommands(link);
  }

  async nextIncarnation(): Promise<number> {
    // Seconds are fine enough: lives of a node take longer.
    return (await this.link.connected()).skylarkNext(this.counter, 1_000_000);
  }

  async renew(entry: NodeEntry, leaseMs: number): Promise<'renewed' | 'missing' | 'superseded'> {
    const redis = await this.link.connected();
    const { key } = this.tables[entry.kind];
    return redis.skylarkRenew(key, this.counter, entry.id, entry.incarnation, leaseMs, JSON.stringify(entry));
  }

  async remove(kind: NodeKind, id: string, incarnation: number): Promise<void> {
    await (await this.link.connected()).skylarkRemove(this.tables[kind].key, id, incarnation);
  }

  async list(kind: NodeKind): Promise<NodeSeen[]> {
    const table = this.tables[kind];
    const pipeline = (await this.link.connected()).pipeline().time().hgetall(table.key);
    const [time, fields] = resultsOf(await pipeline.exec());
    return table.seen(fields as Record<string, string>, time as string[]);
  }

  problem(): Promise<string | undefined> {
    return this.link.problem();
  }

  /** Closes the connection, which the three directories share. */
  close(): Promise<void> {
    return this.link.close();
  }
}
