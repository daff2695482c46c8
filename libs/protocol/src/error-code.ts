/** Every refusal that has a name: `code` in REST problems and `error.code` on the socket, with its HTTP status. */
export const ErrorCode = {
  invalid_body: { status: 400, title: 'The body is not what this route takes' },
  invalid_query: { status: 400, title: 'The query is not what this route takes' },
  unknown_field: { status: 422, title: 'The request has a field that this route does not know' },
  payload_too_large: { status: 413, title: 'The payload is too large' },
  too_many_targets: { status: 422, title: 'Too many targets in one call' },
  bad_name: { status: 422, title: 'Not a valid name' },
  bad_match: { status: 422, title: 'Not a valid match expression' },
  reserved_type: { status: 422, title: 'This message type belongs to the protocol' },
  unsupported_option: { status: 422, title: 'This option is not supported here' },
  idempotency_conflict: { status: 422, title: 'The same key was used with another body' },
  bad_cursor: { status: 422, title: 'Not a cursor of this route' },
  unauthenticated: { status: 401, title: 'No valid credentials' },
  forbidden: { status: 403, title: 'Not allowed' },
  room_forbidden: { status: 403, title: 'This room is not open to you' },
  not_found: { status: 404, title: 'There is nothing here' },
  unknown_type: { status: 422, title: 'Unknown message type' },
  malformed: { status: 400, title: 'This cannot be read' },
  method_not_allowed: { status: 405, title: 'This method is not supported here' },
  unsupported_media_type: { status: 415, title: 'This content type is not supported' },
  rate_limited: { status: 429, title: 'Too many requests' },
  timeout: { status: 504, title: 'No answer in time' },
  bus_unavailable: { status: 503, title: 'The message bus cannot take this now' },
  idempotency_unavailable: { status: 503, title: 'Keys cannot be looked up now' },
  auth_unavailable: { status: 503, title: 'Nobody can say now who may do this' },
  internal: { status: 500, title: 'Something went wrong here' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof ErrorCode;

/** A refusal that the one who asked is told about: a code of the table and a sentence that says what to do. */
export class CodedError extends Error {
  override readonly name = 'CodedError';

  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}
