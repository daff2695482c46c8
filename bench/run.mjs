/**
 * The load benches, each with its baseline beside it in the same run. The last line is one JSON object of ratios.
 *
 *   npm run bench                 the whole size
 *   npm run bench -- --quick      a minute, to see that everything works; its ratios say little
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

process.chdir(join(import.meta.dirname, '..'));
const bench = ['--import', './scripts/typescript.mjs', 'bench/load/one-room.ts', ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, bench, { stdio: 'inherit' });
process.exit(status ?? 1);
