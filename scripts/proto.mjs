/** Makes libs/protocol/src/wires/wires.generated.ts of the .proto beside it. `--check` fails when it is stale. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const source = 'libs/protocol/proto/inner-wires.proto';
const target = 'libs/protocol/src/wires/wires.generated.ts';

const left = ['--no-verify', '--no-convert', '--no-delimited', '--no-typeurl', '--no-create', '--no-service'];
const code = execFileSync(
  'node_modules/.bin/pbjs',
  ['-t', 'static-module', '-w', 'esm', '--dependency', 'protobufjs/minimal.js', '--force-number', ...left, source],
  { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
);
// Offsets and times fit 53 bits: plain numbers everywhere, no Long objects.
const withNumbers = code
  .replaceAll(/\$util\.Long \? \$util\.Long\.fromBits\([^)]*\) : 0/g, '0')
  .replaceAll(/reader\.(u?int64|sint64)\(\)/g, '$number(reader.$1())')
  .replace(
    '// Exported root',
    'const $number = (value) => (typeof value === "number" ? value : value.toNumber());\n\n// Exported root',
  );
const generated = `// @ts-nocheck\n// Made by scripts/proto.mjs of ${source}: change that instead.\n${withNumbers}`;

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== generated) {
    console.error(`${target} is stale: run npm run proto`);
    process.exit(1);
  }
} else {
  writeFileSync(target, generated);
}
