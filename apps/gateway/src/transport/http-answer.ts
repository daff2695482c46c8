import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { ErrorCode } from '@app/protocol';

/** An HTTP answer in place of an upgrade, told as a problem (RFC 9457). */
export interface HttpRefusal {
  status: number;
  /** A word for machines; where there is one, of the table of error codes. */
  code: string;
  /** A sentence for people. */
  message: string;
  retryAfterSeconds?: number;
}

export const notFound: HttpRefusal = { status: 404, code: 'not_found', message: 'clients connect to /connect' };

export const upgradeRequired: HttpRefusal = {
  status: 426,
  code: 'upgrade_required',
  message: 'this port speaks WebSocket: connect to /connect',
};

/** Headers and JSON body of a refusal. */
export function problem(refusal: HttpRefusal): { headers: Record<string, string>; body: string } {
  const { status, code, message, retryAfterSeconds } = refusal;
  const known = Object.hasOwn(ErrorCode, code) ? ErrorCode[code as ErrorCode].title : undefined;
  const title = known ?? STATUS_CODES[status] ?? 'Refused';
  const body = JSON.stringify({ type: 'about:blank', title, status, detail: message, code });
  const headers: Record<string, string> = {
    'Content-Type': 'application/problem+json',
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
  if (retryAfterSeconds !== undefined) headers['Retry-After'] = String(retryAfterSeconds);
  if (status === 426) headers['Upgrade'] = 'websocket';
  return { headers, body };
}

/** Answers on the bare socket of an upgrade request and ends it. */
export function answerUpgrade(socket: Duplex, refusal: HttpRefusal, extra: Record<string, string> = {}): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { headers, body } = problem(refusal);
  const lines = Object.entries({ ...headers, ...extra }).map(([name, value]) => `${name}: ${value}\r\n`);
  const { status } = refusal;
  socket.once('finish', destroy);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
}

function destroy(this: Duplex): void {
  this.destroy();
}
