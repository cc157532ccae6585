import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const read = (path: string) => readFile(join(import.meta.dirname, path), 'utf8');

test('docs/production.md shows the configuration of the Collector that the tests run', async () => {
  const page = await read('../../docs/production.md');
  expect(page).toContain(`\`\`\`yaml\n${await read('collector.yaml')}\`\`\``);
});

test('docs/production.md shows the tail sampling that the tests run', async () => {
  const page = await read('../../docs/production.md');
  const [, shown = ''] = /```yaml\n( {2}tail_sampling:\n.*?)```/s.exec(page) ?? [];
  expect(shown).not.toBe('');
  const run = (await read('collector-tail-sampling.yaml')).replaceAll(/\$\{env:\w+:-([^}]*)\}/g, '$1');
  expect(run).toContain(shown);
});

test('docs/production.md shows code that the SDK package’s README holds, where it is compiled and run', async () => {
  const blocks = [...(await read('../../docs/production.md')).matchAll(/```ts\n.*?```/gs)];
  expect(blocks).toHaveLength(1);
  for (const [block] of blocks) expect(await read('../../packages/sdk/README.md')).toContain(block);
});
