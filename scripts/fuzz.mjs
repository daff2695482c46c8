/**
 * Throws garbage at every door of a standalone of its own (REST, WebSocket frames, upgrades, RPC) while somebody is
 * pushed to all the time, and says what came of it. Builds first when needed. Exits with 1 when anything was disturbed.
 *
 *   node scripts/fuzz.mjs --inputs 1000000 --seed 7
 */
import './typescript.mjs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

process.chdir(join(import.meta.dirname, '..'));
const build = spawnSync(process.execPath, ['scripts/build.mjs', '--if-needed'], { stdio: 'inherit' });
if (build.status !== 0) process.exit(build.status ?? 1);

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '50000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const inputs = Number(values.inputs);
const seed = Number(values.seed);
console.log(`seed ${seed}: ${inputs} inputs`);

const { fuzz } = await import('../test/fuzz/fuzz.ts');
const { bystander, ...report } = await fuzz({
  inputs,
  seed,
  onProgress: (sent) => console.log(`${sent} sent`),
});
const { pushed, came, p50Ms, p99Ms } = bystander;
const inOrder = came.length === pushed && came.every((n, i) => n === i);
console.log(JSON.stringify({ ...report, bystander: { pushed, came: came.length, inOrder, p50Ms, p99Ms } }, null, 2));
process.exit(inOrder && report.failures.length === 0 && report.errors.length === 0 ? 0 : 1);
