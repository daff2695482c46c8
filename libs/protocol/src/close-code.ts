/** How a connection ends (RFC 6455 §7.4 and the 4000s of ours). `reconnect` says whether a client should come back. */
export const CloseCode = {
  tooBig: { code: 1009, reason: 'message too big', reconnect: false }, // one frame over maxMessageBytes
  malformed: { code: 4400, reason: 'malformed', reconnect: false }, // too many frames that cannot be read
  unauthenticated: { code: 4401, reason: 'unauthenticated', reconnect: false }, // missing, bad or expired token
  kicked: { code: 4403, reason: 'forbidden', reconnect: false }, // an operator asked
  heartbeatTimeout: { code: 4408, reason: 'heartbeat timeout', reconnect: true }, // silence past timeoutMs
  replaced: { code: 4409, reason: 'replaced', reconnect: false }, // a newer connection of the same device
  gap: { code: 4410, reason: 'gap is no longer held', reconnect: true }, // comes back with recovered:false
  slow: { code: 4413, reason: 'slow consumer', reconnect: true }, // outbox over its byte limit
  rateLimited: { code: 4429, reason: 'rate limit', reconnect: true }, // after the back-off in the reason
  draining: { code: 4503, reason: 'node is draining', reconnect: true }, // spread over the window given
} as const satisfies Record<string, CloseReason>;

export interface CloseReason {
  code: number;
  reason: string;
  reconnect: boolean;
}

const byCode = new Map<number, CloseReason>(Object.values(CloseCode).map((reason) => [reason.code, reason]));

/** Whether a client closed with `code` should connect again; codes not in the table, 1001, 1006 and 1012: yes. */
export const mayReconnect = (code: number): boolean => byCode.get(code)?.reconnect ?? true;
