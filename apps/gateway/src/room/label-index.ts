import type { Expression, Labels } from '@app/protocol';
import type { Session } from '../session/session.js';

/** The sessions that have a label, by its value. */
interface Labelled {
  count: number;
  byValue: Map<string, Set<Session>>;
}

/** Sets that together hold everybody who can match; a session may be in several of them. */
interface Cover {
  size: number;
  sets: Iterable<ReadonlySet<Session>>;
}

/**
 * Members by label, so that a push for some walks the smallest set in which all who match are, and not everybody. Who
 * has no label costs nothing here.
 */
export class LabelIndex {
  /** Members that hold messages back: each must be seen to pass by them, whoever it is for. */
  readonly holding = new Set<Session>();
  private readonly byKey = new Map<string, Labelled>();

  /** The session's labels were `before` and are `after`; null before it comes and after it went. */
  change(session: Session, before: Labels | null, after: Labels | null): void {
    for (const [key, value] of Object.entries(before ?? {})) this.remove(session, key, value);
    for (const [key, value] of Object.entries(after ?? {})) this.add(session, key, value);
  }

  /**
   * Some members, each once, with all that match among them and all that hold back; undefined when that are more than
   * half of `members`, which are walked sooner, or the expression says only what somebody is not.
   */
  among(expression: Expression, members: number): readonly Session[] | undefined {
    const cover = this.cover(expression);
    if (!cover || (cover.size + this.holding.size) * 2 > members) return undefined;
    const some = new Set(this.holding);
    for (const set of cover.sets) for (const session of set) some.add(session);
    return [...some];
  }

  private cover(expression: Expression): Cover | undefined {
    if (expression.is === 'label') return this.labelled(expression.key, expression.value);
    if (expression.is === 'not') return undefined;
    const covers = expression.of.map((part) => this.cover(part));
    return expression.is === 'and' ? smallest(covers) : together(covers);
  }

  private labelled(key: string, value: string | undefined): Cover {
    const labelled = this.byKey.get(key);
    if (!labelled) return { size: 0, sets: [] };
    if (value === undefined) return { size: labelled.count, sets: labelled.byValue.values() };
    const set = labelled.byValue.get(value);
    return set ? { size: set.size, sets: [set] } : { size: 0, sets: [] };
  }

  private add(session: Session, key: string, value: string): void {
    let labelled = this.byKey.get(key);
    if (!labelled) this.byKey.set(key, (labelled = { count: 0, byValue: new Map() }));
    let set = labelled.byValue.get(value);
    if (!set) labelled.byValue.set(value, (set = new Set()));
    set.add(session);
    labelled.count += 1;
  }

  private remove(session: Session, key: string, value: string): void {
    const labelled = this.byKey.get(key);
    const set = labelled?.byValue.get(value);
    if (!labelled || !set?.delete(session)) return;
    labelled.count -= 1;
    if (set.size === 0) labelled.byValue.delete(value);
    if (labelled.count === 0) this.byKey.delete(key);
  }
}

/** All must hold, so everybody who matches is in each: the smallest will do. */
function smallest(covers: readonly (Cover | undefined)[]): Cover | undefined {
  let best: Cover | undefined;
  for (const cover of covers) if (cover && (!best || cover.size < best.size)) best = cover;
  return best;
}

/** One must hold: all of them are needed. */
function together(covers: readonly (Cover | undefined)[]): Cover | undefined {
  let size = 0;
  const sets: ReadonlySet<Session>[] = [];
  for (const cover of covers) {
    if (!cover) return undefined;
    size += cover.size;
    sets.push(...cover.sets);
  }
  return { size, sets };
}
