import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { catalogue } from './catalogue.js';
import { judge } from './goals.js';
import { fallen, isOf, keep, keptBenches, lowest } from './kept.js';
import { full, quick, type Figures } from './support/bench.js';
import { profileInto } from './support/process.js';

const { values: asked, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    profile: { type: 'string' },
    kept: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

async function main(): Promise<boolean> {
  if (asked.list) return list();
  const unknown = positionals.find((name) => !(name in catalogue));
  if (unknown !== undefined) throw new Error(`no bench is called ${unknown}: npm run bench -- --list`);
  if (asked.profile !== undefined) profileInto(asked.profile);
  const forKept = asked.kept || asked.keep;
  const size = asked.quick || forKept ? quick : full;
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? '?'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`;
  console.log(`${machine}; medians (lowest–highest) of ${size.rounds} alternating rounds of ${size.seconds} s`);
  const figures: Figures = {};
  let isFine = true;
  for (const name of positionals.length > 0 ? positionals : forKept ? keptBenches : allOfThem()) {
    const began = performance.now();
    console.log(`\n${name}: ${catalogue[name]!.what}`);
    let found = await catalogue[name]!.run(size);
    if (asked.keep) found = lowest([found, await catalogue[name]!.run(size), await catalogue[name]!.run(size)]);
    if (asked.kept && fallen(found, isOf(name)).length > 0) {
      console.log('  again, at length: half a second is short on a machine that others use');
      found = await catalogue[name]!.run({ ...quick, seconds: full.seconds });
      if (fallen(found, isOf(name)).length > 0) isFine = false;
    }
    console.log(`  ${((performance.now() - began) / 1000).toFixed(0)} s`);
    // A quick run is too short to reach them.
    if (!size.quick && !judge(name, found)) isFine = false;
    Object.assign(figures, found);
  }
  if (asked.keep) keep(figures, machine);
  console.log(`\n${JSON.stringify(figures)}`);
  return isFine;
}

const allOfThem = () => Object.keys(catalogue).filter((name) => !catalogue[name]!.byHand);

function list(): true {
  for (const [name, { what, byHand }] of Object.entries(catalogue)) {
    console.log(`${name.padEnd(12)} ${what}${byHand ? ' (only when named)' : ''}`);
  }
  return true;
}

main().then(
  (fine) => process.exit(fine ? 0 : 1),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
