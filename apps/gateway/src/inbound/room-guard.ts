import { CodedError, roomOfChannel, type Channel } from '@app/protocol';
import type { RoomAnswer } from '@app/rpc';
import type { Log } from '@app/runtime';
import type { Session } from '../session/session.js';
import type { LogicClient } from '../upstream/logic.client.js';

/** Says who may join a room by himself: the policies that logic told, or logic itself where a webhook decides. */
export class RoomGuard {
  /** Rooms of which logic is being asked. */
  private readonly asking = new WeakMap<Session, Map<Channel, object>>();

  constructor(
    private readonly logic: Pick<LogicClient, 'mayJoin'>,
    private readonly log: Log,
  ) {}

  /**
   * Undefined: it may. A promise: logic is asked; false when the room was left meanwhile. Rejects as it throws.
   * @throws CodedError room_forbidden; auth_unavailable when nobody can say now
   */
  judge(session: Session, channel: Channel): Promise<boolean> | undefined {
    const room = roomOfChannel(channel);
    const verdict = session.rights?.judge(room) ?? 'may';
    if (verdict === 'may') return undefined;
    if (verdict === 'ask') return this.ask(session, channel, room);
    throw new CodedError('room_forbidden', verdict.refusal);
  }

  /** The session wants to be in the room no more. */
  forget(session: Session, channel: Channel): void {
    this.asking.get(session)?.delete(channel);
  }

  private async ask(session: Session, channel: Channel, room: string): Promise<boolean> {
    const { app, user, device } = session;
    const mark = {};
    const asking = this.asking.get(session) ?? new Map<Channel, object>();
    this.asking.set(session, asking.set(channel, mark));
    const who = { ...(user === undefined ? {} : { user }), ...(device === undefined ? {} : { device }) };
    try {
      const answer = await this.logic.mayJoin({ app, room, ...who }).catch((error: unknown) => this.away(error, room));
      if (!answer.ok) throw new CodedError(answer.code, answer.message);
      return asking.get(channel) === mark;
    } finally {
      if (asking.get(channel) === mark) asking.delete(channel);
    }
  }

  private away(error: unknown, room: string): RoomAnswer {
    this.log.warn({ err: error }, 'nobody says who may join');
    return { ok: false, room, code: 'auth_unavailable', message: `${room}: nobody can say now who may join` };
  }
}
