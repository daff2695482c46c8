import { watch, type FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError, type Clock, type Log, type Metrics, type Timer } from '@app/runtime';
import { keysOfFile, type ApiKey } from './api-key.js';

/** Not every file system tells of changes. */
const everyMs = 5_000;

/** A file of hashed keys that is read again when it changes. One that cannot be read leaves the keys as they were. */
export class KeyFile {
  private text: string | undefined;
  private trouble: string | undefined;
  private turn: Promise<void> = Promise.resolve();
  private timer: Timer | undefined;
  private watcher: FSWatcher | undefined;
  private readonly reads;

  constructor(
    private readonly path: string,
    private readonly take: (keys: ApiKey[]) => void,
    private readonly clock: Clock,
    private readonly log: Log,
    metrics: Metrics,
  ) {
    this.reads = metrics.counter('skylark_key_file_reads_total', 'Changes of API_KEYS_FILE, by outcome', ['outcome']);
  }

  /** @throws ConfigError when it cannot be used: a process does not start with keys that nobody knows. */
  async open(): Promise<void> {
    await this.look();
    if (this.trouble !== undefined) throw new ConfigError([`API_KEYS_FILE=${this.path} ${this.trouble}`]);
    this.timer = this.clock.every(everyMs, () => void this.check());
    try {
      // The folder: a file that is replaced, as editors and mounted secrets do it, is another one.
      this.watcher = watch(dirname(this.path), { persistent: false }, () => void this.check());
      this.watcher.on('error', () => this.watcher?.close());
    } catch (error) {
      this.log.info({ err: error, everyMs }, 'the file of keys is only looked at now and then');
    }
  }

  /** Resolves when what stands in the file now is in force, or is refused. */
  check(): Promise<void> {
    this.turn = this.turn.then(() => this.look());
    return this.turn;
  }

  /** Resolves when the last look is over: nothing is taken or said after it. */
  close(): Promise<void> {
    this.timer?.stop();
    this.watcher?.close();
    return this.turn;
  }

  private async look(): Promise<void> {
    try {
      const text = await readFile(this.path, 'utf8');
      if (text === this.text) return this.mended();
      const keys = keysOfFile(text);
      this.text = text;
      this.trouble = undefined;
      this.take(keys);
      this.reads.inc({ outcome: 'taken' });
      this.log.info({ keys: keys.length, path: this.path }, 'keys read');
    } catch (error) {
      this.refuse(whatIsWrong(error as NodeJS.ErrnoException));
    }
  }

  /** Said once for each thing that is wrong. */
  private refuse(trouble: string): void {
    if (trouble === this.trouble) return;
    this.trouble = trouble;
    this.reads.inc({ outcome: 'refused' });
    if (this.text === undefined) return;
    this.log.error({ path: this.path, trouble }, 'the file of keys cannot be used; the keys of before stay in force');
  }

  private mended(): void {
    if (this.trouble !== undefined) this.log.info({ path: this.path }, 'the file of keys is as it was');
    this.trouble = undefined;
  }
}

/** Never what stands in the file. */
const whatIsWrong = ({ code, message }: NodeJS.ErrnoException): string =>
  code === undefined ? message : `cannot be read (${code})`;
