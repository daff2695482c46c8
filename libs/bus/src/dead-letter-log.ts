/** Where a record stood on the bus when it was given up: the name of a dead record for good. */
export interface DeadSource {
  /** The bus's life as history names it: offsets of another life are other records. */
  epoch: string;
  shard: number;
  offset: number;
}

/** A record that cannot be delivered, and why; its shard went on without it. */
export interface DeadRecord {
  source: DeadSource;
  /** A word that can be counted and asked for. */
  reason: string;
  /** What went wrong, for people. */
  error: string;
  diedAtMs: number;
  /** Who gave it up. */
  job: string;
  /** Undefined when it cannot be read. */
  messageId?: string | undefined;
  /** Key and value as they stood on the bus. */
  key: Buffer;
  value: Buffer;
}

/** A dead record as it is kept. */
export interface DeadLetter extends DeadRecord {
  /** Its place in the log: a later one has a higher place. */
  place: number;
  /** The topic it stood in. */
  topic: string;
  /** Its value was more than the log takes and is empty here. */
  isCut: boolean;
}

export interface DeadLetterQuery {
  reason?: string | undefined;
  /** Only what died then or later. */
  sinceMs?: number | undefined;
  /** Only what stands after this place. */
  after?: number | undefined;
  /** Only what stands before this place: the `end` of an earlier page leaves out what has died since. */
  before?: number | undefined;
  /** At least 1. A page may hold fewer, also while there is a `next`. */
  limit: number;
}

export interface DeadLetterPage {
  /** Oldest first. */
  letters: readonly DeadLetter[];
  /** The `after` of the next page; undefined on the last one. */
  next?: number;
  /** Before this place stands all that has died until now. */
  end: number;
}

/** What a page holds of values at most, and always one letter. */
export const maxPageBytes = 8 * 1024 * 1024;

const maxErrorLength = 1_000;

/** Where dead records are kept until somebody sends them again. */
export abstract class DeadLetterLog {
  /**
   * Resolves when the record is kept, trying as long as that takes: nothing may go on without it. It may stand there
   * twice after a lost answer; its source tells.
   * @throws once `signal` is aborted, or the log is closed.
   */
  abstract put(record: DeadRecord, signal?: AbortSignal): Promise<void>;

  /**
   * Those that are not settled, oldest first, each source once.
   * @throws BusUnavailableError
   */
  abstract list(query: DeadLetterQuery): Promise<DeadLetterPage>;

  /**
   * These were sent again: they are not listed any more, whoever asks.
   * @throws BusUnavailableError
   */
  abstract settle(letters: readonly DeadLetter[]): Promise<void>;

  /** Idempotent. */
  abstract close(): Promise<void>;
}

/** The source as one word. */
export const sourceName = ({ epoch, shard, offset }: DeadSource): string => `${epoch}/${shard}/${offset}`;

/** What an error says, short enough to be kept with every letter. */
export const errorText = (error: unknown): string =>
  (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, maxErrorLength);
