import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const FOLDERS = [
  ...readdirSync(join(import.meta.dirname, 'packages')).map((name) => `packages/${name}`),
  ...['conformance', 'e2e', 'dist', 'house', 'readme', 'w3c', 'bench'].map((name) => `test/${name}`),
];

export default defineConfig({
  test: {
    // A project takes nothing over from here unless it says so; those with a configuration of their own have their own limits.
    projects: FOLDERS.map((root) =>
      existsSync(join(import.meta.dirname, root, 'vitest.config.ts'))
        ? root
        : { extends: true, root, test: { name: root } },
    ),
    // Servers and child processes share two cores in CI: more workers only make each of them late.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
