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
const generated = `// @ts-nocheck\n// Made by scripts/proto.mjs of ${source}: change that instead.\n${code}`;

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== generated) {
    console.error(`${target} is stale: run npm run proto`);
    process.exit(1);
  }
} else {
  writeFileSync(target, generated);
}
