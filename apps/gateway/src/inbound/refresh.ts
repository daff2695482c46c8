import { CloseCode, CodedError, Limits, type CloseReason } from '@app/protocol';
import type { Door } from '../session/door.js';
import type { Outboxes } from '../session/outboxes.js';
import type { Session } from '../session/session.js';
import type { Early } from './early.js';
import { fieldsOf, type Handler } from './handler.js';

/** Nobody could look at the token: the client comes back (RFC 6455's registry: 1013). */
const tryAgain: CloseReason = { code: 1013, reason: 'try again later', reconnect: true };

/**
 * 107: `{"token":"…"}`, the first token of a connection that came without one, or a new one on a live connection. A first
 * token that is refused ends the connection (4401); a live one goes on with the token that it has.
 */
export const refresh =
  (door: Door, early: Early, outboxes: Outboxes): Handler =>
  async (session, packet, reply) => {
    const isFirst = session.state === 'waiting';
    try {
      const { token } = fieldsOf(packet);
      if (typeof token !== 'string' || token === '') throw new CodedError('invalid_body', 'token: text');
      if (token.length > Limits.tokenChars) throw new CodedError('unauthenticated', tooLong);
      if (isFirst) early.expect(session);
      const refusal = await door.refresh(session, token);
      if (refusal) throw new CodedError(refusal.code, refusal.message);
      early.later(session, 0, () => reply({}));
    } catch (error) {
      if (isFirst) closeAfterAnswer(session, outboxes, error);
      throw error;
    }
  };

/** The error's answer is pushed in this tick, by whoever called. */
function closeAfterAnswer(session: Session, outboxes: Outboxes, error: unknown): void {
  const isFault = error instanceof CodedError && error.code !== 'auth_unavailable';
  const reason = isFault ? CloseCode.unauthenticated : tryAgain;
  void outboxes.afterFlush().then(() => session.close(reason));
}

const tooLong = `a token has at most ${Limits.tokenChars} characters`;
