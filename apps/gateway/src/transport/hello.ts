import type { IncomingMessage } from 'node:http';
import {
  Limits,
  badName,
  isAppId,
  isPacketType,
  normalName,
  parseLabels,
  parseSince,
  type ErrorCode,
} from '@app/protocol';
import type { Hello } from '../session/door.js';
import type { HttpRefusal } from './http-answer.js';

/** The subprotocol that is answered; a token may stand beside it: `skylark, bearer.<token>`. */
export const subprotocol = 'skylark';
const bearerProtocol = 'bearer.';

/** What a client showed in its upgrade request (docs/protocol.md §1), or what is wrong with it. */
export function readHello(request: IncomingMessage, remoteAddress: string, maxRooms: number): Hello | HttpRefusal {
  const url = request.url ?? '';
  const query = new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?') + 1) : '');
  const asked = (name: string) => query.get(name) || undefined;
  try {
    return {
      token: tokenOf(request, query.getAll('token')),
      user: read(asked('user'), normalName, 'bad_name', `user: ${badName}`),
      device: read(asked('device'), normalName, 'bad_name', `device: ${badName}`),
      app: read(asked('app'), (app) => (isAppId(app) ? app : undefined), 'bad_name', 'app: 1–64 of A-Z a-z 0-9 _ -'),
      rooms: readRooms(asked('rooms'), maxRooms),
      since: read(asked('since'), parseSince, 'malformed', sinceForm) ?? new Map<string, never>(),
      labels: read(asked('labels'), parseLabels, 'bad_name', labelsForm) ?? null,
      types: read(asked('types'), readTypes, 'malformed', typesForm) ?? null,
      isMinimal: read(asked('fields'), readFields, 'unsupported_option', 'fields: only "minimal" is known') ?? false,
      remoteAddress,
    };
  } catch (error) {
    if (error instanceof BadValue) {
      return { status: error.code === 'unauthenticated' ? 401 : 400, code: error.code, message: error.message };
    }
    throw error;
  }
}

const sinceForm = 'since: a comma list of user@<epoch>:<offset>, all@… and room:<name>@…, each channel once';
const labelsForm = `labels: a comma list of at most ${Limits.labelsPerConnection} key:value, each well named`;
const typesForm = `types: a comma list of at most ${Limits.typesPerConnection} ints`;

class BadValue extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

function read<T>(
  value: string | undefined,
  parse: (value: string) => T | undefined,
  code: ErrorCode,
  form: string,
): T | undefined {
  if (value === undefined) return undefined;
  const parsed = parse(value);
  if (parsed === undefined) throw new BadValue(code, form);
  return parsed;
}

function readRooms(value: string | undefined, maxRooms: number): string[] {
  const rooms = new Set<string>();
  for (const item of value?.split(',') ?? []) rooms.add(read(item, normalName, 'bad_name', `rooms: ${badName}`)!);
  if (rooms.size > maxRooms) throw new BadValue('too_many_targets', `rooms: at most ${maxRooms} a connection`);
  return [...rooms];
}

function readTypes(value: string): number[] | undefined {
  const types = [...new Set(value.split(',').map((item) => (/^-?\d{1,10}$/.test(item) ? Number(item) : NaN)))];
  return types.length <= Limits.typesPerConnection && types.every(isPacketType) ? types : undefined;
}

const readFields = (value: string) => (value === 'minimal' ? true : undefined);

/** The one token that is shown, in whichever places. Which of several would count is nothing a client should have to know. */
function tokenOf(request: IncomingMessage, query: readonly string[]): string | undefined {
  const header = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  const offered = request.headers['sec-websocket-protocol']?.split(',').map((item) => item.trim()) ?? [];
  const beside = offered.includes(subprotocol) ? offered.filter((item) => item.startsWith(bearerProtocol)) : [];
  const shown = [header, ...beside.map((item) => item.slice(bearerProtocol.length)), ...query];
  const tokens = new Set(shown.filter((token) => token !== undefined && token !== ''));
  if (tokens.size > 1)
    throw new BadValue('malformed', 'several tokens that differ: show one (header, subprotocol or query)');
  const [token] = tokens;
  if (token !== undefined && token.length > Limits.tokenChars) {
    throw new BadValue('unauthenticated', `a token has at most ${Limits.tokenChars} characters`);
  }
  return token;
}
