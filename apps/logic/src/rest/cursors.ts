import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { CodedError } from '@app/protocol';
import { secretsOf, type Clock } from '@app/runtime';

const minuteMs = 60_000;
const lifeMinutes = 24 * 60;
const macBytes = 12;
const headBytes = 4 + macBytes;

/**
 * Where the next page of a list begins, as text that only the same list takes back, for a day. All logic processes with
 * the same secret read each other's; without one anybody could make them, which would give away no more than the list.
 */
export class Cursors {
  private readonly keys: readonly Buffer[];

  constructor(
    secret: string,
    private readonly clock: Clock,
  ) {
    this.keys = secretsOf(secret).map((one) => createHash('sha256').update(`skylark cursors\n${one}`).digest());
  }

  /** `list` is the route and all that decides what is in the list. */
  write(list: readonly string[], place: string): string {
    const minute = this.now();
    const head = Buffer.alloc(4);
    head.writeUInt32BE(minute);
    return Buffer.concat([head, this.mac(this.keys[0]!, list, minute, place), Buffer.from(place)]).toString(
      'base64url',
    );
  }

  /**
   * The place, undefined without a cursor.
   * @throws CodedError bad_cursor for those of another list, too old, or not made here
   */
  read(list: readonly string[], cursor: string | undefined): string | undefined {
    if (cursor === undefined) return undefined;
    const bytes = Buffer.from(cursor, 'base64url');
    if (bytes.length < headBytes || bytes.toString('base64url') !== cursor) throw refusal();
    const minute = bytes.readUInt32BE();
    const place = bytes.toString('utf8', headBytes);
    const given = bytes.subarray(4, headBytes);
    if (!this.keys.some((key) => timingSafeEqual(given, this.mac(key, list, minute, place)))) throw refusal();
    if (this.now() - minute > lifeMinutes) throw refusal();
    return place;
  }

  private mac(key: Buffer, list: readonly string[], minute: number, place: string): Buffer {
    const said = JSON.stringify([...list, minute, place]);
    return createHmac('sha256', key).update(said).digest().subarray(0, macBytes);
  }

  private now(): number {
    return Math.floor(this.clock.now() / minuteMs);
  }
}

const refusal = (): CodedError =>
  new CodedError(
    'bad_cursor',
    'This is no cursor of this list, or older than a day: take it from the page before, with the same query, or begin without one.',
  );
