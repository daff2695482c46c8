/**
 * Makes keys of REST, and keeps the file of them: `npm run keys -- --help`. A key is printed once and kept nowhere.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const help = `Makes API keys, and keeps the file that API_KEYS_FILE names.

  npm run keys -- new [options]       make a key; the file gets its hash only
  npm run keys -- list --file F       show the keys of a file
  npm run keys -- revoke ID --file F  take a key out of a file, by its id or its name

  --scope S     push, manage or read; again for several. Default: all three
  --app A       the only app that the key speaks for. Default: any
  --name N      what logs and metrics call it: letters, digits, _ . and -
  --expires T   when it ends: a time (2027-01-31T00:00:00Z) or an age (12h, 90d). Default: never
  --file F      the file. \`new\` adds the line there; without it the line is printed
  --help        this text

Every logic that has the file reads it again within seconds; nothing is restarted.
`;

const options = /** @type {const} */ ({
  scope: { type: 'string', multiple: true, default: [] },
  app: { type: 'string' },
  name: { type: 'string' },
  expires: { type: 'string' },
  file: { type: 'string' },
  help: { type: 'boolean', default: false },
});

/** @param {string} message */
function misused(message) {
  console.error(`${message}\nnpm run keys -- --help says what there is.`);
  process.exit(2);
}

function read() {
  try {
    return parseArgs({ options, strict: true, allowPositionals: true });
  } catch (error) {
    return misused(/** @type {Error} */ (error).message);
  }
}

const {
  values: given,
  positionals: [command, which, ...more],
} = read();
if (given.help) {
  console.log(help);
  process.exit(0);
}
if (more.length > 0 || (which !== undefined && command !== 'revoke')) misused('there is a word too many');
if (command === 'new') make();
else if (command === 'list') list(fileOf());
else if (command === 'revoke') revoke(fileOf(), which ?? misused('revoke which: its id or its name'));
else misused(command === undefined ? 'say new, list or revoke' : `there is no "${command}"`);

function make() {
  const line = [
    ['scopes', scopesOf(given.scope)],
    ['app', checked('app', /^[A-Za-z0-9_-]{1,64}$/)],
    ['name', checked('name', /^[\w.-]{1,64}$/)],
    ['expires', given.expires && timeOf(given.expires)],
  ].flatMap(([field, value]) => (value === undefined ? [] : `${field}=${value}`));
  const key = `sky_${randomBytes(32).toString('base64url')}`;
  const hashed = [`sha256:${createHash('sha256').update(key).digest('hex')}`, ...line].join(' ');
  if (given.file !== undefined) {
    const before = existsSync(given.file) ? readFileSync(given.file, 'utf8') : '';
    replace(given.file, `${before === '' || before.endsWith('\n') ? before : `${before}\n`}${hashed}\n`);
  }
  console.error('The key, shown only now:\n');
  console.log(key);
  console.error(
    given.file === undefined
      ? `\nThe line for API_KEYS_FILE, or an entry of API_KEYS:\n`
      : `\nWritten to ${given.file}:\n`,
  );
  console.log(hashed);
}

function list(file) {
  const rows = linesOf(file).flatMap(({ id, fields }) =>
    id === undefined
      ? []
      : [[id, fields.name ?? '-', fields.scopes ?? 'push+manage+read', fields.app ?? 'any', fields.expires ?? 'never']],
  );
  const table = [['id', 'name', 'scopes', 'app', 'expires'], ...rows];
  const widths = table[0].map((_, i) => Math.max(...table.map((cells) => cells[i].length)));
  for (const cells of table)
    console.log(
      cells
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    );
}

function revoke(file, wanted) {
  const lines = linesOf(file);
  const gone = lines.filter(({ id, fields }) => id !== undefined && (id === wanted || fields.name === wanted));
  if (gone.length === 0) misused(`${file} has no key "${wanted}"`);
  if (gone.length > 1) misused(`${file} has ${gone.length} keys "${wanted}": say which by its id`);
  const left = lines.filter((line) => line !== gone[0]).map(({ text }) => text);
  const hasKeys = lines.some(({ id }) => id !== undefined && id !== gone[0].id);
  // An empty file is taken for one that is being written.
  replace(file, `${hasKeys ? '' : '# no keys\n'}${left.join('\n')}`);
  console.log(`${gone[0].id} is revoked: every logic that has this file refuses it within seconds.`);
}

function linesOf(file) {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return misused(`${file} cannot be read: ${/** @type {Error} */ (error).message}`);
  }
  return text.split('\n').map((line) => {
    const hex = /^\s*sha256:([0-9a-f]{64})(\s|$)/i.exec(line)?.[1]?.toLowerCase();
    const fields = Object.fromEntries(
      line
        .trim()
        .split(/\s+/)
        .slice(1)
        .map((field) => field.split(/=(.*)/s, 2)),
    );
    return { text: line, id: hex?.slice(0, 8), fields: hex === undefined ? {} : fields };
  });
}

/** At once, so that nobody reads half of it. */
function replace(file, text) {
  const mode = existsSync(file) ? statSync(file).mode & 0o777 : 0o640;
  const half = `${file}.${process.pid}.new`;
  writeFileSync(half, text, { mode });
  renameSync(half, file);
}

function fileOf() {
  return given.file ?? process.env.API_KEYS_FILE ?? misused('--file says which file');
}

function scopesOf(asked) {
  const known = ['push', 'manage', 'read'];
  const some = asked.flatMap((text) => text.split(/[,+]/));
  const unknown = some.find((scope) => !known.includes(scope));
  if (unknown !== undefined) misused(`there is no scope "${unknown}": ${known.join(', ')}`);
  return some.length === 0 ? undefined : [...new Set(some)].join('+');
}

function checked(name, form) {
  const value = given[name];
  if (value !== undefined && !form.test(value)) misused(`--${name} may have letters, digits, _ and -, at most 64`);
  return value;
}

/** A time to come, as the file has it. */
function timeOf(text) {
  const age = /^(\d+)([hd])$/.exec(text);
  const atMs = age ? Date.now() + Number(age[1]) * { h: 3_600_000, d: 86_400_000 }[age[2]] : Date.parse(text);
  if (Number.isNaN(atMs)) misused('--expires must be a time like 2027-01-31T00:00:00Z, or 12h, 90d');
  if (atMs <= Date.now()) misused('--expires lies in the past');
  return new Date(atMs).toISOString();
}
