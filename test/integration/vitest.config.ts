import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['*.test.ts'],
    // The brokers share two cores in CI with the tests and their processes.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 90_000,
    // Google's client would look for its cloud's metadata server on the network.
    env: { METADATA_SERVER_DETECTION: 'none' },
  },
});
