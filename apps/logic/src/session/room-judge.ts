import type { NamePatterns, RoomPolicies } from '@app/protocol';
import type { Admitted, RefusedRoom, RoomAnswer, RoomQuestion } from '@app/rpc';
import type { Identity } from './authenticator.js';

/** Asks who knows. Never rejects: who cannot be asked about may not join. */
export interface RoomOracle {
  ask(question: RoomQuestion): Promise<RoomAnswer>;
}

/** Who may join which rooms. What REST does is not asked about. */
export class RoomJudge {
  constructor(
    private readonly policies: RoomPolicies,
    private readonly oracle: RoomOracle,
  ) {}

  /** Of the rooms asked for at connect those that this one may join, and the others with the reason, in the order asked. */
  async choose(
    who: Omit<RoomQuestion, 'room'>,
    asked: readonly string[],
    allowed: NamePatterns | undefined,
  ): Promise<{ rooms: string[]; refusedRooms: RefusedRoom[] }> {
    const answers = await Promise.all(asked.map((room) => this.answer({ ...who, room }, allowed)));
    return {
      rooms: asked.filter((_, i) => answers[i]!.ok),
      refusedRooms: answers.flatMap((answer) => {
        if (answer.ok) return [];
        const { room, code, message } = answer;
        return [{ room, code, message }];
      }),
    };
  }

  /** May this one join a room of which the webhook says? Of others the gateway knows by itself. */
  async mayJoin(question: RoomQuestion): Promise<RoomAnswer> {
    if (this.policies.of(question.room) === 'webhook') return this.oracle.ask(question);
    const message = `${question.room}: the policy of this room has changed; connect again`;
    return { ok: false, room: question.room, code: 'room_forbidden', message };
  }

  /** What a gateway needs for joins to come. */
  toTell({ rooms }: Pick<Identity, 'rooms'>): Pick<Admitted, 'allowedRooms' | 'roomPolicies'> {
    const { text } = this.policies;
    return { ...(rooms && { allowedRooms: [...rooms.texts] }), ...(text !== '' && { roomPolicies: text }) };
  }

  private async answer(question: RoomQuestion, allowed: NamePatterns | undefined): Promise<RoomAnswer> {
    const { room } = question;
    const verdict = this.policies.judge(room, allowed);
    if (verdict === 'may') return { ok: true };
    if (verdict === 'ask') return this.oracle.ask(question);
    return { ok: false, room, code: 'room_forbidden', message: verdict.refusal };
  }
}
