import { HttpException } from '@nestjs/common';
import { BusUnavailableError, ShardsChangedError } from '@app/bus';
import { CodedError, ErrorCode } from '@app/protocol';

/** What is wrong with one field: where (JSON pointer, RFC 6901, in a URI fragment) and how. */
export interface FieldProblem {
  pointer: string;
  detail: string;
}

/** A refusal as REST says it: `application/problem+json` (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  errors?: readonly FieldProblem[];
}

/** A body that was refused, field by field. */
export class BodyError extends CodedError {
  constructor(
    code: ErrorCode,
    readonly errors: readonly FieldProblem[],
  ) {
    super(code, errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; '));
  }
}

export function problem(code: ErrorCode, detail: string, errors?: readonly FieldProblem[]): Problem {
  const { status, title } = ErrorCode[code];
  return { type: `urn:skylark:problem:${code}`, title, status, detail, code, ...(errors && { errors }) };
}

/** The problem behind whatever was thrown; undefined for a surprise, of which the caller learns nothing. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof BodyError) return problem(error.code, error.message, error.errors);
  if (error instanceof CodedError) return problem(error.code, error.message);
  // The second is for an operator to mend; readiness says so, and callers do well to come back.
  if (error instanceof BusUnavailableError || error instanceof ShardsChangedError) {
    return problem('bus_unavailable', 'The bus did not take the message; send it again after the time in Retry-After.');
  }
  if (error instanceof HttpException && error.getStatus() < 500) {
    return problem(byStatus[error.getStatus()] ?? 'malformed', error.message);
  }
  const code = codeOfPlugin(error);
  return code && problem(code, `${ErrorCode[code].title}.`);
}

/** What Node and Fastify's plugins throw at a request that cannot be served (a cut body, `/docs/../x`) carries a status. */
function codeOfPlugin(error: unknown): ErrorCode | undefined {
  const { statusCode } = Object(error) as { statusCode?: unknown };
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode >= 500) return undefined;
  return statusCode === 400 ? 'malformed' : (byStatus[statusCode] ?? 'malformed');
}

/** What Nest and Fastify refuse by themselves. */
const byStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_body',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
};
