import { fuzz } from './fuzz.js';

/** Another sequence: FUZZ_SEED=7; more: FUZZ_INPUTS=1000000, or by hand `node scripts/fuzz.mjs --inputs 1000000 --seed 7`. */
const inputs = Number(process.env.FUZZ_INPUTS ?? 50_000);
const seed = Number(process.env.FUZZ_SEED ?? 1);

it(`${inputs} pieces of garbage disturb nobody (seed ${seed})`, async () => {
  const report = await fuzz({ inputs, seed });
  const { failures, bystander, errors, memory, connections, oddMetrics, sent } = report;
  expect(failures).toEqual([]);
  expect(errors).toEqual([]);
  expect(Object.values(sent).reduce((sum, n) => sum + n, 0)).toBeGreaterThanOrEqual(inputs);
  expect(bystander.pushed).toBeGreaterThan(50);
  expect(bystander.came).toEqual(Array.from({ length: bystander.pushed }, (_, n) => n));
  expect(connections).toBe(1);
  expect(oddMetrics).toEqual([]);
  // What V8 keeps for itself goes up and down by more than the inputs could leave behind.
  expect(memory.after.heapMiB - memory.before.heapMiB).toBeLessThan(16);
  expect(memory.after.rssMiB - memory.before.rssMiB).toBeLessThan(96);
}, 300_000);
