import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { startCluster } from '../support/cluster.js';
import type { WireClient } from '../support/wire-client.js';

const run = promisify(execFile);
const page = readFileSync('docs/producers.md', 'utf8');

/** The lines of the page, and what it says they print. */
const blocks = [...page.matchAll(/```sh\n(.*?)```(?:\n+```json\n(.*?)```)?/gs)].map(([, lines, prints]) => ({
  lines: lines!,
  prints: prints === undefined ? undefined : (JSON.parse(prints) as unknown),
}));

/** The same fields with values of the same types; codes, numbers and sentences that are not of the moment stay. */
const shapeOf = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return value;
  const isOfTheMoment = (key: string) => key === 'id' || key === 'acceptedAt';
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, isOfTheMoment(key) ? typeof inner : shapeOf(inner)]),
  );
};

const textsOf = (client: WireClient) => client.packets.filter(({ type }) => type === 3).map(({ data }) => data);

const hasCurl = spawnSync('curl', ['--version']).status === 0;

(hasCurl ? describe : describe.skip)('docs/producers.md', () => {
  it('shows lines that work as they stand, and what they print', async () => {
    await using cluster = await startCluster();
    const query = { device: 'phone', labels: 'platform:ios,lang:fr' };
    const ann = await cluster.connect('ann', { rooms: ['live:1000'], query });
    expect(blocks.length).toBeGreaterThan(10);
    for (const { lines, prints } of blocks) {
      const here = lines.replaceAll('http://127.0.0.1:9999', cluster.restUrls[0]!);
      const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', here]);
      const printed = prints === undefined ? { isRefused: stdout.includes('"code"') } : shapeOf(JSON.parse(stdout));
      expect({ lines, printed }).toEqual({
        lines,
        printed: prints === undefined ? { isRefused: false } : shapeOf(prints),
      });
    }
    await cluster.push('all', { type: 5, data: 'end' });
    await cluster.push('users', { users: ['ann'], type: 6, data: 'end' });
    await cluster.push('rooms', { rooms: ['live:1000'], type: 7, data: 'end' });
    await Promise.all([5, 6, 7].map((type) => ann.next(type)));
    expect(textsOf(ann)).toEqual(
      expect.arrayContaining([
        'hello, everybody',
        { score: [2, 1] },
        'hello, you',
        { badge: 4 },
        'hello, small screens',
        'hello, phones',
        'for phones',
        'for all but bob',
        'bonjour',
        'in the next minute',
        'now or never',
        'come and see',
        'hello, ann',
        { score: [3, 1] },
        'hello',
      ]),
    );
  });
});
