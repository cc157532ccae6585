import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'w3c',
    include: ['**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
