import type { NodeRef } from '../node-directory.js';
import { SortedList, byCodePoints } from './sorted-list.js';

interface Size {
  app: string;
  key: string;
  members: number;
}

/** Largest first within an app. */
const bySize = (a: Size, b: Size): number =>
  byCodePoints(a.app, b.app) || b.members - a.members || byCodePoints(a.key, b.key);

/** Which nodes hold which users or rooms (`<app>/<name>`), how many of each, in order of names and of sizes. */
export class Places {
  private readonly refsOf = new Map<string, Map<NodeRef, number>>();
  private readonly names = new SortedList<string>(byCodePoints);
  private readonly sizes: SortedList<Size> | undefined;

  /** Users are not asked for by size. */
  constructor(order: 'by name' | 'by name and size') {
    if (order === 'by name and size') this.sizes = new SortedList<Size>(bySize);
  }

  has(key: string, ref: NodeRef): boolean {
    return this.refsOf.get(key)?.has(ref) ?? false;
  }

  set(key: string, ref: NodeRef, members: number): void {
    const refs = this.refsOf.get(key) ?? new Map<NodeRef, number>();
    if (refs.size === 0) {
      this.refsOf.set(key, refs);
      this.names.add(key);
    } else this.sizes?.delete(sizeOf(key, refs));
    refs.set(ref, members);
    this.sizes?.add(sizeOf(key, refs));
  }

  delete(key: string, ref: NodeRef): void {
    const refs = this.refsOf.get(key);
    if (!refs?.has(ref)) return;
    this.sizes?.delete(sizeOf(key, refs));
    refs.delete(ref);
    if (refs.size > 0) return this.sizes?.add(sizeOf(key, refs));
    this.refsOf.delete(key);
    this.names.delete(key);
  }

  /** The living refs of a key and what they hold; void ones are removed, because we have met them. */
  living(key: string, living: ReadonlySet<NodeRef>): ReadonlyMap<NodeRef, number> {
    const refs = this.refsOf.get(key);
    if (!refs) return new Map();
    for (const ref of refs.keys()) if (!living.has(ref)) this.delete(key, ref);
    return refs;
  }

  /** Keys in order. */
  from(start: string, limit: number): string[] {
    return this.names.from(start, limit);
  }

  /** Keys of an app, the largest first; void refs still count. */
  largest(app: string, limit: number): string[] {
    const found = this.sizes?.from({ app, key: '', members: Infinity }, limit) ?? [];
    return found.flatMap((size) => (size.app === app ? size.key : []));
  }
}

function sizeOf(key: string, refs: ReadonlyMap<NodeRef, number>): Size {
  let members = 0;
  for (const count of refs.values()) members += count;
  return { app: key.slice(0, key.indexOf('/')), key, members };
}
