import { NamePatterns, RoomPolicies, type RoomVerdict } from '@app/protocol';

/** Which rooms a session may join by itself. */
export class RoomRights {
  constructor(
    private readonly policies: RoomPolicies,
    private readonly allowed: NamePatterns | undefined,
  ) {}

  /** `room` is in normal form. */
  judge(room: string): RoomVerdict {
    return this.policies.judge(room, this.allowed);
  }

  /** Whether its members are told of it when it comes and goes. `room` is in normal form. */
  wantsPresence(room: string): boolean {
    return this.policies.wantsPresence(room);
  }
}

/** Makes rights of what logic told; sessions whose token lists no rooms share theirs. */
export class RightsBook {
  private policies = RoomPolicies.parse('');
  private shared = new RoomRights(this.policies, undefined);

  /** Undefined: any room. @throws Error when logic speaks of policies that are not known here. */
  of(policies = '', allowed?: readonly string[]): RoomRights | undefined {
    if (policies === '' && allowed === undefined) return undefined;
    if (policies !== this.policies.text) {
      this.policies = RoomPolicies.parse(policies);
      this.shared = new RoomRights(this.policies, undefined);
    }
    if (allowed === undefined) return this.shared;
    const patterns = NamePatterns.parse(allowed);
    if (!patterns) throw new Error('logic told patterns of rooms that are none');
    return new RoomRights(this.policies, patterns);
  }
}
