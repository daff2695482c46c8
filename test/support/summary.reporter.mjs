import { missing } from './servers.mjs';

/** Says last what was skipped for want of a server, and then the counts: `N passed, N failed, N skipped`. */
export default class SummaryReporter {
  onRunComplete(_contexts, results) {
    // A file that does not even load has no tests to fail: it counts as one.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const counts = `${results.numPassedTests} passed, ${failed} failed, ${skipped} skipped`;
    const lines = [...missing.map((line) => `SKIPPED: ${line}`), counts];
    // Jest's own summary comes after all reporters.
    process.once('exit', () => process.stdout.write(`\n${lines.join('\n')}\n`));
  }
}
