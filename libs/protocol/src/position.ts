import { allChannel, roomChannel, type Channel } from './channel.js';
import { normalName } from './name.js';

/** A place in a channel: `epoch` names a life of the bus, `offset` rises along the channel and has gaps. */
export interface Position {
  epoch: string;
  offset: number;
}

const epochPattern = /^[A-Za-z0-9_-]{1,64}$/;
const offsetPattern = /^(0|[1-9][0-9]{0,15}|-1)$/;

/** `<epoch>:<offset>`. Offset -1 is the place before everything; its epoch is empty while no job has named one yet. */
export const formatPosition = (position: Position): string => `${position.epoch}:${position.offset}`;

export function parsePosition(text: string): Position | undefined {
  const colon = text.lastIndexOf(':');
  const epoch = text.slice(0, Math.max(0, colon));
  const offset = text.slice(colon + 1);
  // A welcome may have told it so: whoever comes back with what it was told must be let in.
  if (text === ':-1') return { epoch: '', offset: -1 };
  if (!epochPattern.test(epoch) || !offsetPattern.test(offset)) return undefined;
  const value = Number(offset);
  return Number.isSafeInteger(value) ? { epoch, offset: value } : undefined;
}

/** The word for the receiver's own `user:` channel in `since`, `ack` and welcome. */
export const ownChannel = 'user';

/**
 * Reads `since=user@<epoch>:<offset>,all@…,room:<name>@…` into positions by `user`, `all` or `room:<name>`. Each item is
 * split from the right, because names may hold `:` `@` `/`, epochs and offsets may not.
 * Undefined when any item is wrong or a channel comes twice.
 */
export function parseSince(text: string): Map<Channel, Position> | undefined {
  const since = new Map<Channel, Position>();
  for (const item of text.split(',')) {
    const at = item.lastIndexOf('@');
    const channel = sinceChannel(item.slice(0, Math.max(0, at)));
    const position = parsePosition(item.slice(at + 1));
    if (!channel || !position || since.has(channel)) return undefined;
    since.set(channel, position);
  }
  return since;
}

function sinceChannel(text: string): Channel | undefined {
  if (text === ownChannel || text === allChannel) return text;
  const room = text.startsWith('room:') ? normalName(text.slice(5)) : undefined;
  return room === undefined ? undefined : roomChannel(room);
}
