import type { ErrorCode } from '@app/protocol';

/**
 * Why a call brought no answer: `timeout`, nobody there or refused at the door (`unreachable`), connection lost while
 * waiting (`lost`: it may have been done), this client was closed (`closed`), or the other side answered an error
 * (`remote`, with its code).
 */
export type RpcFailure = 'timeout' | 'unreachable' | 'lost' | 'closed' | 'remote';

export class RpcError extends Error {
  override readonly name = 'RpcError';

  constructor(
    readonly failure: RpcFailure,
    message: string,
    /** With `remote`: `internal` when the other side named none. */
    readonly code?: ErrorCode,
  ) {
    super(message);
  }
}
