/**
 * What a newcomer does, done by a machine: `npm start`, a client, the README's own curl line, Ctrl-C. A line per step;
 * the last one is `N passed, N failed, N skipped`. Needs the standard ports to be free.
 */
import { spawn, execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';

process.chdir(join(import.meta.dirname, '..'));
const within = AbortSignal.timeout(180_000);
let passed = 0;
let output = '';

/** The block after `<!-- first push -->` in README.md. */
const curl = /<!-- first push -->\s*```(?:sh|bash)\n([^]*?)```/.exec(readFileSync('README.md', 'utf8'))?.[1];

const npm = spawn('npm', ['start'], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
for (const stream of [npm.stdout, npm.stderr]) stream.on('data', (text) => (output += text));
const ended = new Promise((resolve) => npm.on('close', (code, signal) => resolve(code ?? signal)));

try {
  await step('npm start is ready', async () => {
    while (!(await isReady())) {
      if (npm.exitCode !== null) throw new Error(`it ended with ${npm.exitCode}`);
      await delay(100, undefined, { signal: within });
    }
  });
  await step("the README's curl line reaches a WebSocket client", async () => {
    if (!curl) throw new Error('README.md has no block after <!-- first push -->');
    const client = new WebSocket('ws://127.0.0.1:8888/connect');
    const frames = [];
    client.on('error', (error) => console.log(`      the client: ${error.message}`));
    client.on('message', (/** @type {Buffer} */ data) => frames.push(JSON.parse(data.toString())));
    await until(() => frames.some((frame) => frame.type === 100), 'the welcome');
    const { stdout } = await promisify(execFile)('sh', ['-c', curl], { signal: within });
    await until(() => frames.some((frame) => frame.id !== undefined), `the push that answered ${stdout}`);
    client.close();
  });
  await step('SIGTERM ends it with exit code 0', async () => {
    process.kill(appOf(npm.pid), 'SIGTERM');
    const code = await Promise.race([ended, delay(35_000, 'still runs after 35 s', { ref: false })]);
    if (code !== 0) throw new Error(`it ended with ${code}`);
  });
} catch (error) {
  console.log(`      ${error.message}\n--- npm start said:\n${output}`);
  if (npm.exitCode === null) process.kill(-Number(npm.pid), 'SIGKILL'); // its whole process group
}
const all = 3;
console.log(`${passed} passed, ${passed === all ? 0 : 1} failed, ${Math.max(0, all - passed - 1)} skipped`);
process.exit(passed === all ? 0 : 1);

async function step(name, run) {
  try {
    await run();
    passed += 1;
    console.log(`ok    ${name}`);
  } catch (error) {
    console.log(`NOT   ${name}`);
    throw error;
  }
}

async function isReady() {
  try {
    return (await fetch('http://127.0.0.1:9999/health/ready', { signal: within })).ok;
  } catch (error) {
    if (within.aborted) throw error;
    return false; // not listening yet
  }
}

async function until(holds, what) {
  for (const deadline = Date.now() + 10_000; !holds(); await delay(10)) {
    if (Date.now() > deadline) throw new Error(`${what} did not come within 10 s`);
  }
}

/** The process that npm, its shell and an inner npm started at last: the app itself. */
function appOf(group) {
  const found = readdirSync('/proc').find((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const ofGroup = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) === group;
      const command = ofGroup && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return command && command[0].endsWith('node') && command[1]?.endsWith('standalone/src/main.js');
    } catch {
      return false; // no process, or one that has just ended
    }
  });
  if (!found) throw new Error('there is no process that runs standalone');
  return Number(found);
}
