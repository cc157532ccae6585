import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      'packages/*',
      'test/conformance',
      'test/e2e',
      'test/dist',
      'test/house',
      'test/readme',
      'test/w3c',
      'test/bench',
    ],
    // Servers and child processes share two cores in CI: more workers only make each of them late.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
