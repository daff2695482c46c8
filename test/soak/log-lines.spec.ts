import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logLines } from './log-lines.js';

describe('the lines of the logs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'skylark-log-lines-'));
  const startedAt = Date.parse('2026-01-01T00:00:00.000Z');
  const line = (second: number, msg: string, fields: object) => {
    const time = new Date(startedAt + second * 1_000).toISOString();
    return JSON.stringify({ level: 20, time, app: 'gateway', ...fields, msg });
  };
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are those of the message at any time and of the rest around it, of all processes in one order', async () => {
    const first = [line(1, 'gap found', { channel: 'a' }), line(50, 'gap found', { channel: 'a' }), 'Error: channel a'];
    writeFileSync(join(folder, 'g0.log'), first.join('\n'));
    const second = [
      line(49, 'push accepted', { message: 'M1' }),
      line(99, 'dead record', { id: 'M1', err: { message: 'no', stack: 'at a' } }),
    ];
    writeFileSync(join(folder, 'l0.log'), [...second, line(50, 'push accepted', { message: 'M2' })].join('\n'));
    const isOfIt = (text: string) => text.includes('"a"') || text.includes('channel a');
    expect(await logLines(folder, { startedAt, fromMs: 40_000, toMs: 60_000, isOfIt, id: 'M1' })).toEqual([
      '40000 ms g0: Error: channel a',
      '49000 ms l0: push accepted {"message":"M1"}',
      '50000 ms g0: gap found {"channel":"a"}',
      '99000 ms l0: dead record {"id":"M1","err":"no"}',
    ]);
  });
});
