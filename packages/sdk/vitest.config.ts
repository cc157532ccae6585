import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Most cases start processes of their own; deadlines are for a busy machine, not for a normal run.
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
