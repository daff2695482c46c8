/**
 * Builds the four apps to dist/ with `nest build`, as many at a time as there are cores.
 *
 *   npm run build                     all of them
 *   node scripts/build.mjs --if-needed   only when a source is newer than the last build
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const apps = ['standalone', 'gateway', 'logic', 'job'];
const sources = ['apps', 'libs', 'package.json', 'package-lock.json', 'nest-cli.json', 'tsconfig.json'];
const stamp = 'dist/.built';

process.chdir(join(import.meta.dirname, '..'));

if (process.argv.includes('--if-needed') && isFresh()) process.exit(0);

process.stdout.write(`building ${apps.join(', ')} … `);
const started = new Date();
rmSync(stamp, { force: true });
const waiting = [...apps];
const failures = (await Promise.all(Array.from({ length: availableParallelism() }, buildNext))).flat();
if (failures.length > 0) {
  for (const { app, output } of failures) console.error(`\n${app} does not build:\n${output}`);
  process.exit(1);
}

writeFileSync(stamp, '');
utimesSync(stamp, started, started); // what is changed while it builds is newer than the build
console.log(`done in ${((Date.now() - started.getTime()) / 1000).toFixed(1)} s`);

/** Takes apps until none is waiting; answers those that failed. */
async function buildNext() {
  const failed = [];
  for (let app = waiting.shift(); app; app = waiting.shift()) {
    const { code, output } = await run('node_modules/.bin/nest', ['build', app]);
    if (code !== 0 || !existsSync(`dist/apps/${app}/apps/${app}/src/main.js`)) failed.push({ app, output });
  }
  return failed;
}

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (output += text));
    child.on('error', (error) => resolve({ code: 1, output: `${error.message}: run npm ci first` }));
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** Folders count too: their time changes when a file in them goes. */
function isFresh() {
  if (!existsSync(stamp)) return false;
  const built = statSync(stamp).mtimeMs;
  const isNewer = (path) => statSync(path).mtimeMs >= built;
  return !sources.some(
    (source) =>
      isNewer(source) ||
      (statSync(source).isDirectory() &&
        readdirSync(source, { recursive: true }).some((path) => isNewer(join(source, path)))),
  );
}
