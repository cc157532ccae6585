import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    // Each file starts processes of its own; deadlines are for a busy machine, not for a normal run.
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
