/**
 * The soak: the whole system under load and faults, and a balance of every message. Builds first when needed.
 *
 *   npm run soak -- --help
 */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';

process.chdir(join(import.meta.dirname, '..'));

const build = spawnSync(process.execPath, ['scripts/build.mjs', '--if-needed'], { stdio: 'inherit' });
if (build.status !== 0) process.exit(build.status ?? 1);

const args = ['--import', './scripts/typescript.mjs', 'test/soak/run.ts', ...process.argv.slice(2)];
const soak = spawn(process.execPath, args, { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => soak.kill(signal));
soak.on('exit', (code) => process.exit(code ?? 1));
