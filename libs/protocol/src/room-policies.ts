import { normalName } from './name.js';
import type { NamePatterns } from './name-patterns.js';

/**
 * Who may join a room by himself. `auto`: a token that lists rooms allows these only, one without a list any. `open`:
 * everybody. `token`: whom the token's list allows. `api`: nobody, REST puts one in. `webhook`: logic asks a URL.
 */
export type RoomPolicy = 'auto' | 'open' | 'token' | 'api' | 'webhook';

const kinds: readonly RoomPolicy[] = ['auto', 'open', 'token', 'api', 'webhook'];

interface Rule {
  policy: RoomPolicy;
  /** Members are told who comes and goes. */
  presence: boolean;
}

const otherwise: Rule = { policy: 'auto', presence: false };
const wanted = '+presence';

/** Policies by the room's prefix; the longest prefix wins, and `auto` without presence where none fits. */
export class RoomPolicies {
  private constructor(
    /** As it is parsed: what logic tells gateways. */
    readonly text: string,
    private readonly byLength: readonly (readonly [string, Rule])[],
  ) {}

  /**
   * Reads `shop:=webhook,staff:=token+presence,lobby=open,=api`: prefix = policy; the empty prefix stands for all others.
   * `+presence` behind it: members are told who comes and goes.
   * @throws Error whose message completes "ROOM_POLICIES …".
   */
  static parse(list: string): RoomPolicies {
    const policies = new Map<string, Rule>();
    for (const item of list.split(',').map((part) => part.trim())) {
      if (item === '') continue;
      const equals = item.lastIndexOf('=');
      const text = item.slice(equals + 1).trim();
      const presence = text.endsWith(wanted);
      const policy = kinds.find((known) => known === (presence ? text.slice(0, -wanted.length) : text));
      const prefix = item.slice(0, Math.max(equals, 0)).trim().normalize('NFC');
      const isPrefix = prefix === '' || normalName(prefix) !== undefined;
      if (equals < 0 || !policy || !isPrefix)
        throw new Error(`must list prefix=${kinds.join('|')}, with ${wanted} or without; "${item}" is not that`);
      policies.set(prefix, { policy, presence });
    }
    return new RoomPolicies(
      list,
      [...policies].sort(([a], [b]) => b.length - a.length),
    );
  }

  /** `room` is in normal form. */
  of(room: string): RoomPolicy {
    return this.ruleOf(room).policy;
  }

  /** Whether members of the room are told who comes and goes. `room` is in normal form. */
  wantsPresence(room: string): boolean {
    return this.ruleOf(room).presence;
  }

  get usesWebhook(): boolean {
    return this.byLength.some(([, { policy }]) => policy === 'webhook');
  }

  /** `room` is in normal form, `allowed` what the token lists. */
  judge(room: string, allowed: NamePatterns | undefined): RoomVerdict {
    const policy = this.of(room);
    if (policy === 'open') return 'may';
    if (policy === 'webhook') return 'ask';
    if (policy === 'api') return { refusal: `${room}: nobody joins this room by himself, the application puts one in` };
    const isListed = allowed ? allowed.matches(room) : policy === 'auto';
    return isListed ? 'may' : { refusal: `${room}: the rooms of the token do not list it` };
  }

  private ruleOf(room: string): Rule {
    return this.byLength.find(([prefix]) => room.startsWith(prefix))?.[1] ?? otherwise;
  }
}

/** `ask`: the webhook says. */
export type RoomVerdict = 'may' | 'ask' | { refusal: string };
