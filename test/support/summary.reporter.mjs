import { missing } from './servers.mjs';

/** Says last what was skipped for want of a server, and then the counts: `N passed, N failed, N skipped`. */
export default class SummaryReporter {
  onRunComplete(_contexts, results) {
    // A file that does not even load has no tests to fail: it counts as one.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const lines = missing.map((line) => `SKIPPED: ${line}`);
    process.stdout.write(
      `\n${[...lines, `${results.numPassedTests} passed, ${failed} failed, ${skipped} skipped`].join('\n')}\n`,
    );
  }
}
