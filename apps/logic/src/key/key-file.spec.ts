import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock, Metrics, silentLog, type Log } from '@app/runtime';
import { digestOf } from './api-key.js';
import { KeyFile } from './key-file.js';

const line = (key: string, fields = '') => `sha256:${digestOf(key).toString('hex')} name=${key} ${fields}\n`;

describe('KeyFile', () => {
  const folder = mkdtempSync(join(tmpdir(), 'skylark-keys-'));
  const path = join(folder, 'keys');
  afterAll(() => rmSync(folder, { recursive: true }));

  let names: string[];
  let said: string[];
  let clock: ManualClock;
  let file: KeyFile;
  let taken: () => void;
  beforeEach(() => {
    names = [];
    said = [];
    taken = () => {};
    clock = new ManualClock();
    const log: Log = Object.assign(Object.create(silentLog) as Log, {
      error: (fields: object, msg: string) => said.push(`${msg} ${JSON.stringify(fields)}`),
    });
    file = new KeyFile(
      path,
      (keys) => {
        names = keys.map(({ name }) => name);
        taken();
      },
      clock,
      log,
      new Metrics(),
    );
  });
  afterEach(() => file.close());

  it('is read at once, and again when it is told to have changed', async () => {
    writeFileSync(path, line('a'));
    await file.open();
    expect(names).toEqual(['a']);
    const changed = new Promise<void>((resolve) => (taken = resolve));
    writeFileSync(`${path}.new`, line('a') + line('b'));
    renameSync(`${path}.new`, path);
    await changed; // by the file system's own word: this clock stands still
    expect(names).toEqual(['a', 'b']);
  });

  it('is looked at now and then where nobody tells', async () => {
    writeFileSync(path, line('a'));
    await file.open();
    file['watcher']!.close();
    writeFileSync(path, line('c'));
    const changed = new Promise<void>((resolve) => (taken = resolve));
    clock.advance(5_000);
    await changed;
    expect(names).toEqual(['c']);
  });

  it.each([
    ['broken', () => writeFileSync(path, `${line('a')}oops, a secret\n`), 'line 2'],
    ['emptied', () => writeFileSync(path, ''), 'empty'],
    ['gone', () => rmSync(path), 'ENOENT'],
  ])('leaves the keys as they were when it is %s, says so once, and says no secret', async (_, spoil, why) => {
    writeFileSync(path, line('a'));
    await file.open();
    spoil();
    await file.check();
    await file.check();
    expect(names).toEqual(['a']);
    expect(said).toEqual([expect.stringContaining(why)]);
    expect(said.join()).not.toContain('oops');
    writeFileSync(path, line('b'));
    await file.check();
    expect(names).toEqual(['b']);
  });

  it('takes and says nothing once it is closed, even of a look that was under way', async () => {
    writeFileSync(path, line('a'));
    await file.open();
    writeFileSync(path, line('b'));
    const looking = file.check();
    await file.close();
    const atEnd = names;
    await looking;
    expect(names).toBe(atEnd);
  });

  it.each([
    ['missing', () => rmSync(path, { force: true })],
    ['wrong', () => writeFileSync(path, 'plain\n')],
  ])('lets no process start while it is %s', async (_, spoil) => {
    spoil();
    await expect(file.open()).rejects.toMatchObject({
      name: 'ConfigError',
      problems: [expect.stringContaining('API_KEYS_FILE=')],
    });
  });
});
