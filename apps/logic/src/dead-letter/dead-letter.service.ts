import { BusUnavailableError, type Bus, type DeadLetter, type DeadLetterLog, type DeadLetterPage } from '@app/bus';
import { CodedError } from '@app/protocol';
import { readRecord } from '@app/protocol/wires';
import type { Log } from '@app/runtime';
import type { Cursors } from '../rest/cursors.js';
import { defaultLimit } from '../rest/page.dto.js';
import type {
  DeadLetterSeen,
  DeadLetters,
  DeadLettersQuery,
  Replay,
  ReplayBody,
  ReplayedLetter,
} from './dead-letter.dto.js';
import { wayBack } from './way-back.js';

const shownChannels = 100;

/** Shows the records that job gave up, and sends them again. */
export class DeadLetterService {
  constructor(
    private readonly letters: DeadLetterLog,
    private readonly bus: Bus,
    private readonly cursors: Cursors,
    private readonly log: Log,
  ) {}

  /** Of one app, or all there are. @throws CodedError bad_cursor, bus_unavailable */
  async list(query: DeadLettersQuery, app?: string): Promise<DeadLetters> {
    const { letters, ...page } = await this.page('dead-letters', query, app);
    return { deadLetters: letters.map((letter) => seen(letter)), ...page };
  }

  /** @throws CodedError bad_cursor, bus_unavailable: then it is safe to ask again. */
  async replay({ dryRun = false, ...query }: ReplayBody, app?: string): Promise<Replay> {
    const { letters, ...page } = await this.page('dead-letters/replay', query, app);
    const ways = letters.map((letter) => this.wayOf(letter));
    const sent = letters.filter((_, i) => typeof ways[i] !== 'string');
    if (!dryRun && sent.length > 0) {
      await this.reached(this.bus.publish(ways.flatMap((way) => (typeof way === 'string' ? [] : way))));
      // After the bus has them: a crash between sends them twice, and job drops the repeat.
      await this.reached(this.letters.settle(sent));
      this.log.info({ records: sent.length }, 'dead letters sent again');
    }
    const deadLetters = letters.map((letter, i): ReplayedLetter => {
      const way = ways[i]!;
      if (typeof way === 'string') return Object.assign(seen(letter), { outcome: 'refused' as const, why: way });
      return Object.assign(seen(letter), { outcome: dryRun ? ('would_replay' as const) : ('replayed' as const) });
    });
    return { replayed: dryRun ? 0 : sent.length, refused: letters.length - sent.length, deadLetters, ...page };
  }

  private wayOf(letter: DeadLetter) {
    const record = readRecord(letter.value);
    try {
      return wayBack(letter, record instanceof Error ? undefined : record, this.bus);
    } catch (error) {
      throw unreachable(error); // the number of shards is not known yet
    }
  }

  /** What had died when the first page was asked for; shorter than `limit` where letters of other apps lie between. */
  private async page(
    route: string,
    { reason, since, cursor, limit = defaultLimit }: Omit<ReplayBody, 'dryRun'>,
    app: string | undefined,
  ): Promise<{ letters: DeadLetterPage['letters']; cursor?: string }> {
    const list = [route, app ?? '', reason ?? '', since ?? ''];
    const place = this.cursors.read(list, cursor);
    const [after, before] = place === undefined ? [] : place.split(':').map(Number);
    const sinceMs = since === undefined ? undefined : Date.parse(since);
    const {
      letters: found,
      next,
      end,
    } = await this.reached(this.letters.list({ reason, sinceMs, after, before, limit }));
    const letters = app === undefined ? found : found.filter((letter) => appOf(letter) === app);
    return { letters, ...(next !== undefined && { cursor: this.cursors.write(list, `${next}:${before ?? end}`) }) };
  }

  private async reached<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      this.log.warn({ err: error }, 'dead letters cannot be reached');
      throw unreachable(error);
    }
  }
}

function unreachable(error: unknown): CodedError {
  const why = error instanceof BusUnavailableError ? error.message : 'The dead letters cannot be reached now';
  return new CodedError('bus_unavailable', `${why}; asking again is safe.`);
}

/** Undefined when nobody can tell. */
function appOf({ value }: DeadLetter): string | undefined {
  const record = readRecord(value);
  return record instanceof Error ? undefined : record.app;
}

function seen({ source, topic, reason, error, diedAtMs, job, key, value, messageId }: DeadLetter): DeadLetterSeen {
  const record = readRecord(value);
  return {
    source: { topic, ...source },
    reason,
    error,
    diedAt: new Date(diedAtMs).toISOString(),
    job,
    key: key.toString(),
    bytes: value.length,
    ...(messageId !== undefined && { messageId }),
    ...(!(record instanceof Error) && {
      app: record.app,
      channels: record.targets.slice(0, shownChannels).map(({ channel }) => channel),
    }),
  };
}
