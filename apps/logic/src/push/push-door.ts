import type { Caller } from '../rest/caller.js';
import type { DryRun } from './dry-run.js';
import type { Message } from './message.dto.js';
import type { Once } from './once.js';
import type { Accepted, Reach } from './push.dto.js';
import type { PushService } from './push.service.js';
import { pushRoutes, type PushRoute, type TargetKind } from './targets.js';

/** What a route of a push answers. */
export interface PushAnswer {
  status: 200 | 202;
  body: Accepted | Reach;
  /** It is what an earlier request with the same key was answered. */
  isReplay: boolean;
}

/** One push, or its dry run. */
export class PushDoor {
  constructor(
    private readonly pushes: PushService,
    private readonly once: Once,
    private readonly dryRun: DryRun,
  ) {}

  /**
   * 202 when the bus holds the message; with `dryRun` 200, and nothing has been sent or noted of the key.
   * @throws CodedError, BusUnavailableError
   */
  async one(kind: TargetKind, body: Message, caller: Caller, key?: string): Promise<PushAnswer> {
    const targets = (pushRoutes[kind] as PushRoute).targets(body);
    if (body.dryRun === true) {
      const reach = await this.dryRun.reach(this.pushes.check(caller, kind, targets, body));
      return { status: 200, body: reach, isReplay: false };
    }
    const push = this.pushes.check(caller, kind, targets, body, key);
    if (key === undefined) return { status: 202, body: await this.pushes.put(push), isReplay: false };
    const [verdict] = await this.once.judge([push]);
    if (verdict?.is === 'refused') throw verdict.error;
    if (verdict?.is === 'done') return { status: 202, body: verdict.answer, isReplay: true };
    const accepted = await this.pushes.put(push);
    const [answer = accepted] = await this.once.end([[push, accepted]]);
    return { status: 202, body: answer, isReplay: false };
  }
}
