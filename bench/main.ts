import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { catalogue } from './catalogue.js';
import { judge } from './goals.js';
import { full, quick, type Figures } from './support/bench.js';

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean' }, list: { type: 'boolean' } },
  });
  if (values.list) {
    for (const [name, { what, byHand }] of Object.entries(catalogue)) {
      console.log(`${name.padEnd(12)} ${what}${byHand ? ' (only when named)' : ''}`);
    }
    return true;
  }
  const unknown = positionals.find((name) => !(name in catalogue));
  if (unknown !== undefined) throw new Error(`no bench is called ${unknown}: npm run bench -- --list`);
  const names =
    positionals.length > 0 ? positionals : Object.keys(catalogue).filter((name) => !catalogue[name]!.byHand);
  const size = values.quick ? quick : full;
  const [cpu] = cpus();
  console.log(
    `${cpus().length} × ${cpu?.model ?? '?'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}; ` +
      `medians (lowest–highest) of ${size.rounds} alternating rounds of ${size.seconds} s`,
  );
  const figures: Figures = {};
  let allMet = true;
  for (const name of names) {
    const began = performance.now();
    console.log(`\n${name}: ${catalogue[name]!.what}`);
    const found = await catalogue[name]!.run(size);
    console.log(`  ${((performance.now() - began) / 1000).toFixed(0)} s`);
    if (!values.quick && !judge(name, found)) allMet = false;
    Object.assign(figures, found);
  }
  console.log(`\n${JSON.stringify(figures)}`);
  return allMet;
}

main().then(
  (fine) => process.exit(fine ? 0 : 1),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
