import {
  CodedError,
  badName,
  formatPosition,
  normalName,
  parseChannel,
  parsePosition,
  type Channel,
} from '@app/protocol';
import { Encoding, bodyCodec, type Body } from '@app/protocol/wires';
import type { HistoryEntry, HistoryStore } from '@app/history';
import type { Log } from '@app/runtime';
import { defaultLimit } from '../rest/page.dto.js';
import type { History, HistoryMessage } from './channel.dto.js';

/** What channels have kept. */
export class ChannelService {
  constructor(
    private readonly history: HistoryStore,
    private readonly log: Log,
  ) {}

  /** @throws CodedError bad_name, unsupported_option, timeout */
  async read(app: string, name: string, query: { since?: string; limit?: number }): Promise<History> {
    const channel = channelOf(name);
    const since = query.since === undefined ? undefined : parsePosition(query.since);
    const from = since ?? { epoch: await this.answered(this.epochOf(app, channel)), offset: -1 };
    const page = await this.answered(this.history.read(app, channel, from, query.limit ?? defaultLimit));
    const { epoch, top: offset, recovered, entries } = page;
    return {
      channel,
      epoch,
      ...(offset >= 0 && { position: formatPosition({ epoch, offset }) }),
      recovered,
      messages: entries.flatMap((entry) => messageOf(entry) ?? []),
    };
  }

  private async epochOf(app: string, channel: Channel): Promise<string> {
    const [top] = await this.history.tops(app, [channel]);
    return top?.epoch ?? '';
  }

  private async answered<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      this.log.warn({ err: error }, 'history does not answer');
      throw new CodedError('timeout', 'The history does not answer now; asking again is safe.');
    }
  }
}

function channelOf(text: string): Channel {
  const parsed = parseChannel(text);
  if (parsed?.kind === 'connection') {
    throw new CodedError('unsupported_option', 'What is pushed to a connection is never kept.');
  }
  const name = parsed?.kind === 'all' ? '' : normalName(parsed?.name);
  if (parsed === undefined || name === undefined) {
    throw new CodedError('bad_name', `A channel is all, user:<id> or room:<name>; ${badName}.`);
  }
  return parsed.kind === 'all' ? 'all' : `${parsed.kind}:${name}`;
}

/** Undefined when the bytes are no message. */
function messageOf({ offset, devices, body: bytes }: HistoryEntry): HistoryMessage | undefined {
  let body: Body;
  try {
    body = bodyCodec.decode(bytes);
    return {
      id: body.id,
      type: body.type,
      ...payloadOf(body),
      offset,
      acceptedAt: new Date(body.acceptedAtMs).toISOString(),
      ...(body.expiresAtMs !== 0 && { expiresAt: new Date(body.expiresAtMs).toISOString() }),
      ...(devices.length > 0 && { devices: [...devices] }),
    };
  } catch {
    return undefined;
  }
}

function payloadOf({ encoding, payload }: Body): Pick<HistoryMessage, 'data' | 'text' | 'base64'> {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (encoding === Encoding.json) return { data: JSON.parse(bytes.toString()) as unknown };
  return encoding === Encoding.text ? { text: bytes.toString() } : { base64: bytes.toString('base64') };
}
