/**
 * Sends dead letters again, or with `--dry-run` shows them: `npm run replay -- --help`. Speaks REST with logic, so it works
 * wherever logic does. Exits with 1 when something was refused or logic could not be asked, with 2 for a wrong option.
 */
import { parseArgs } from 'node:util';

const help = `Sends records that job has given up (dead letters) again.

  npm run replay -- [options]

  --reason R     only those that died of R: undecodable, failing
  --since T      only what died since T: a time (2026-11-20T09:30:00Z) or so long ago (90s, 30m, 12h, 7d)
  --limit N      look at N letters at most
  --dry-run      only show what would be done
  --logic URL    where logic's REST is; default LOGIC_URL or http://127.0.0.1:9999
  --key K        one of API_KEYS; default SKYLARK_API_KEY
  --help         this text

Each record goes back to its own shard, behind what is there, and is no dead letter any more; one that dies again is a
new one. It is safe to run this again after a failure.
`;

/** Most letters in one request. */
const page = 100;
const requestMs = 60_000;
const units = { s: 1, m: 60, h: 3_600, d: 86_400 };

const options = /** @type {const} */ ({
  reason: { type: 'string' },
  since: { type: 'string' },
  limit: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  logic: { type: 'string', default: process.env.LOGIC_URL ?? 'http://127.0.0.1:9999' },
  key: { type: 'string', default: process.env.SKYLARK_API_KEY },
  help: { type: 'boolean', default: false },
});

/** @param {string} message */
function misused(message) {
  console.error(`${message}\nnpm run replay -- --help says what there is.`);
  process.exit(2);
}

function read() {
  try {
    return parseArgs({ options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    return misused(/** @type {Error} */ (error).message);
  }
}

const given = read();
if (given.help) {
  console.log(help);
  process.exit(0);
}
const limit = given.limit === undefined ? Infinity : Number(given.limit);
if (limit !== Infinity && !(Number.isInteger(limit) && limit > 0)) misused('--limit must be a whole number above 0');
const url = URL.canParse(given.logic)
  ? new URL('/v1/dead-letters/replay', given.logic)
  : misused('--logic must be a URL');
const query = {
  ...(given.reason !== undefined && { reason: given.reason }),
  ...(given.since !== undefined && { since: timeOf(given.since) }),
};

/** What was looked at, also when a later page could not be had. */
const rows = [];
let refused = 0;
try {
  await replay();
} catch (error) {
  console.error(`The replay failed: ${/** @type {Error} */ (error).message}`);
  process.exitCode = 1;
}
if (rows.length > 0) print([['died at', 'reason', 'source', 'key', 'message', 'outcome'], ...rows]);
if (rows.length > 0 || process.exitCode === undefined) {
  const done = rows.length - refused;
  const verb = given['dry-run'] ? 'would be sent again' : 'sent again';
  console.log(rows.length === 0 ? 'No dead letters.' : `${done} ${verb}, ${refused} refused.`);
  if (refused > 0) process.exitCode = 1;
}

async function replay() {
  let cursor;
  do {
    const body = { ...query, dryRun: given['dry-run'], limit: Math.min(page, limit - rows.length), cursor };
    const answer = await ask(body);
    for (const letter of answer.deadLetters) rows.push(row(letter));
    refused += answer.refused;
    cursor = answer.cursor;
  } while (cursor !== undefined && rows.length < limit);
}

async function ask(body) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(given.key && { authorization: `Bearer ${given.key}` }) },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(requestMs),
  }).catch((error) => {
    throw new Error(`${url.origin} does not answer (${error.cause?.code ?? error.message}): is logic there?`);
  });
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text);
  throw new Error(`${url.origin} answered ${answer.status}: ${detailOf(text)}`);
}

function detailOf(text) {
  try {
    return JSON.parse(text).detail ?? text;
  } catch {
    return text.slice(0, 200);
  }
}

function row({ diedAt, reason, source, key, messageId = '-', outcome, why }) {
  return [
    diedAt,
    reason,
    `${source.topic}/${source.shard}@${source.offset}`,
    key || '-',
    messageId,
    why ? `${outcome}: ${why}` : outcome,
  ];
}

/** A table for people; control characters of foreign keys must not reach a terminal. */
function print(table) {
  const safe = table.map((cells) => cells.map((cell) => String(cell).replace(/[\p{C}]/gu, '?')));
  const widths = safe[0].map((_, i) => Math.max(...safe.map((cells) => cells[i].length)));
  for (const cells of safe) console.log(cells.map((cell, i) => (i === 5 ? cell : cell.padEnd(widths[i]))).join('  '));
}

/** A time as REST takes it, of one or of an age. */
function timeOf(text) {
  const age = /^(\d+)([smhd])$/.exec(text);
  const atMs = age ? Date.now() - Number(age[1]) * units[age[2]] * 1_000 : Date.parse(text);
  if (Number.isNaN(atMs)) misused('--since must be a time like 2026-11-20T09:30:00Z, or an age like 90s, 30m, 12h, 7d');
  return new Date(atMs).toISOString();
}
