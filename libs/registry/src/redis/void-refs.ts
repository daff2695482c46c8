import type { RedisLink } from '@app/runtime';
import type { NodeRef, NodeSeen } from '../node-directory.js';
import { incarnationOf, livingRefs, nodeIdOf } from '../node-ref.js';
import { splitKey, type PresenceKeys } from './presence-keys.js';

/** Refs of incarnations that are gone, as a reader met them, until it has them removed. */
export class VoidRefs {
  private readonly met: { kind: 'user' | 'room'; key: string; refs: NodeRef[] }[] = [];

  private readonly living: ReadonlySet<NodeRef>;
  private readonly leased: ReadonlySet<NodeRef>;

  constructor(
    nodes: readonly NodeSeen[],
    private readonly keys: PresenceKeys,
    private readonly gateways: string,
  ) {
    this.living = livingRefs(nodes);
    this.leased = livingRefs(nodes.filter(({ leased }) => leased));
  }

  get any(): boolean {
    return this.met.length > 0;
  }

  /** The living ones of a key's refs, sorted; the others are remembered. */
  keepLiving(kind: 'user' | 'room', key: string, refs: readonly NodeRef[]): NodeRef[] {
    const gone = refs.filter((ref) => !this.living.has(ref));
    if (gone.length > 0) this.met.push({ kind, key, refs: gone });
    return refs.filter((ref) => this.living.has(ref)).sort();
  }

  /** As {@link keepLiving}, without those whose lease is over: they may live, but nobody counts on them. */
  keepLeased(kind: 'user' | 'room', key: string, refs: readonly NodeRef[]): NodeRef[] {
    return this.keepLiving(kind, key, refs).filter((ref) => this.leased.has(ref));
  }

  /** Never rejects: when it fails the next reader tries again. */
  async forget(link: RedisLink): Promise<void> {
    if (!this.any) return;
    try {
      const pipeline = (await link.connected()).pipeline();
      const { keys, gateways } = this;
      for (const { kind, key, refs } of this.met.splice(0)) {
        const [app, name] = splitKey(key);
        const nodes = refs.flatMap((ref) => [nodeIdOf(ref), String(incarnationOf(ref)), ref]);
        if (kind === 'user')
          pipeline.skylarkForgetUser(keys.bucketOf(key), keys.online(app), gateways, key, name, ...nodes);
        else
          pipeline.skylarkForgetRoom(keys.membersOf(key), keys.names(app), keys.sizes(app), gateways, name, ...nodes);
      }
      await pipeline.exec();
    } catch {
      // Redis went away in between.
    }
  }
}
