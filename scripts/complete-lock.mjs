/**
 * Lists in package-lock.json the optional platform packages (native binaries of swc, oxlint, …) that the registry
 * it was made against did not carry. Without them `npm ci` on npm 11 says "Missing: … from lock file" and stops.
 *
 *   npm run lock        after every change of dependencies
 */
import { readFileSync, writeFileSync } from 'node:fs';

const path = process.argv[2] ?? 'package-lock.json';
const lock = JSON.parse(readFileSync(path, 'utf8'));

const systems = ['darwin', 'win32', 'linux', 'android', 'freebsd', 'openharmony', 'aix', 'sunos', 'netbsd', 'openbsd'];
/** The first pattern that fits the package's name tells its cpu. */
const processors = [
  [/wasm32/, 'wasm32'],
  [/arm64/, 'arm64'],
  [/x64/, 'x64'],
  [/ia32/, 'ia32'],
  [/gnueabihf|musleabihf|eabi|-arm\b/, 'arm'],
  [/ppc64/, 'ppc64'],
  [/riscv64/, 'riscv64'],
  [/s390x/, 's390x'],
  [/loong64/, 'loong64'],
  [/mips64el/, 'mips64el'],
];

/** Whether `name`, asked for by the package at `from`, resolves to an entry of the lockfile. */
function isListed(from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (lock.packages[`${folder ? `${folder}/` : ''}node_modules/${name}`]) return true;
    if (!folder) return false;
  }
}

function stub(name, version, dev) {
  const os = systems.find((system) => name.includes(system));
  const cpu = processors.find(([pattern]) => pattern.test(name))?.[1];
  const libc = os === 'linux' && (/musl/.test(name) ? 'musl' : /gnu/.test(name) ? 'glibc' : undefined);
  return {
    version,
    ...(dev && { dev: true }),
    optional: true,
    ...(cpu && { cpu: [cpu] }),
    ...(os && { os: [os] }),
    ...(libc && { libc: [libc] }),
  };
}

let added = 0;
for (const [from, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (!/^\d/.test(version) || isListed(from, name)) continue; // a range cannot be guessed
    lock.packages[`node_modules/${name}`] = stub(name, version, entry.dev);
    added += 1;
  }
}

lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${path}: ${added} optional packages added`);
