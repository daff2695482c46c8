import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const library = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib/faketime']
  .map((folder) => join(folder, 'faketime/libfaketime.so.1'))
  .find((path) => existsSync(path));

/** The wall clock of one process, which can jump (Debian's libfaketime); its timers go on as they were. */
export class FakeClock {
  private constructor(private readonly file: string) {}

  static get isAvailable(): boolean {
    return library !== undefined;
  }

  /** @throws when libfaketime is not installed. */
  static of(name: string): FakeClock {
    if (library === undefined) throw new Error('clock-jump needs libfaketime (apt-get install libfaketime)');
    const clock = new FakeClock(join(mkdtempSync(join(tmpdir(), 'skylark-clock-')), name));
    clock.set(0);
    return clock;
  }

  get env(): Record<string, string> {
    return {
      LD_PRELOAD: library!,
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** Seconds before (-) or after the true time. */
  set(seconds: number): void {
    writeFileSync(this.file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  }
}
