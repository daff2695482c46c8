import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startCluster } from '../support/cluster.js';

/** `npm run replay -- …`, as an operator runs it. */
async function replay(...options: string[]): Promise<{ code: number; out: string; err: string }> {
  const run = promisify(execFile)(process.execPath, [join(process.cwd(), 'scripts/replay.mjs'), ...options]);
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      out: stdout,
      err: stderr,
    }),
  );
}

describe('npm run replay', () => {
  it('says what it takes, and refuses what it does not', async () => {
    expect(await replay('--help')).toMatchObject({ code: 0, out: expect.stringContaining('--dry-run') });
    const wrong = [['--colour', 'red'], ['--limit', '0'], ['--since', 'soon'], ['--logic', 'nowhere'], ['now']];
    for (const options of wrong) expect(await replay(...options)).toMatchObject({ code: 2, out: '' });
  });

  it('needs nothing but REST, with a key where there are keys', async () => {
    await using cluster = await startCluster({ env: { API_KEYS: 'a-key-of-this-test' } });
    const logic = ['--logic', cluster.restUrls[0]!];
    expect(await replay(...logic)).toMatchObject({ code: 1, err: expect.stringContaining('401') });
    const answer = await replay(...logic, '--key', 'a-key-of-this-test', '--since', '7d');
    expect(answer).toEqual({ code: 0, out: 'No dead letters.\n', err: '' });
  });

  it('says when logic is not there', async () => {
    const answer = await replay('--logic', 'http://127.0.0.1:1');
    expect(answer).toMatchObject({ code: 1, err: expect.stringContaining('does not answer') });
  });
});
