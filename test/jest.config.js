import root from '../jest.config.js';

/**
 * Everything: the unit tests of apps and libs, and what needs servers or several processes.
 *
 * @type {import('jest').Config}
 */
export default {
  ...root,
  rootDir: '..',
  globalSetup: '<rootDir>/test/support/servers.mjs',
  globalTeardown: '<rootDir>/test/support/servers.teardown.mjs',
  reporters: ['default', '<rootDir>/test/support/summary.reporter.mjs'],
  // A process to start, a Kafka group to rebalance: long enough to never be what fails, short enough to end.
  testTimeout: 180_000,
};
