import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LogLines } from './log-lines.js';

describe('log lines of which a reader is far behind', () => {
  let folder: string;
  let fd: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lines-'));
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    fd = openSync(join(folder, 'fifo'), constants.O_RDWR);
  });

  afterEach(async () => {
    closeSync(fd);
    await rm(folder, { recursive: true });
  });

  it('are kept up to a bound; those on top are dropped, counted, and told once it reads on', async () => {
    const lines = new LogLines(fd, 100_000);
    const all = 1_000;
    for (let n = 0; n < all; n += 1) lines.write(`${JSON.stringify({ n, is: 'x'.repeat(490) })}\n`);
    const { dropped } = lines;
    expect(dropped).toBeGreaterThan(all / 2);
    const read: { n?: number }[] = [];
    using reader = spawn('cat', [join(folder, 'fifo')]);
    for await (const line of createInterface(reader.stdout)) {
      read.push(JSON.parse(line) as { n?: number });
      if (read.at(-1)!.n === undefined) break;
    }
    expect(read.pop()).toMatchObject({ level: 40, lines: dropped, msg: expect.stringContaining('dropped') as string });
    expect(read.map(({ n }) => n)).toEqual(Array.from({ length: all - dropped }, (_, n) => n));
    lines.write(`${JSON.stringify({ n: all })}\n`);
    lines.flush();
    expect(lines.dropped).toBe(dropped);
  });
});
