import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CodeBlock, codeBlocks } from '../readme/code-blocks.ts';

const PAGES = 'packages/messaging/docs';
const REPOSITORY = join(import.meta.dirname, '../..');
const FOLDER = join(import.meta.dirname, 'blocks');
const BLOCKS = readdirSync(join(REPOSITORY, PAGES)).flatMap((page) => codeBlocks(join(PAGES, page)));

const nameOf = ({ readme, line }: CodeBlock) =>
  `${readme.slice(PAGES.length + 1).replace('.md', '')}-${line}.ts`;

beforeAll(() => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER);
  for (const block of BLOCKS) writeFileSync(join(FOLDER, nameOf(block)), `${block.code}\nexport {};\n`);
  // Its package has no binary for every machine and is not installed here: what its pages take of it is any.
  writeFileSync(join(FOLDER, 'confluent.d.ts'), `declare module '@confluentinc/kafka-javascript';\n`);
  const settings = {
    extends: '../tsconfig.json',
    include: ['.'],
    exclude: [],
    compilerOptions: { noUnusedLocals: false },
  };
  writeFileSync(join(FOLDER, 'tsconfig.json'), JSON.stringify(settings));
});
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

it(`the pages of the clients compile against the clients' own types: ${BLOCKS.length} blocks`, async () => {
  const tsc = join(REPOSITORY, 'node_modules/.bin/tsc');
  const compiled = await promisify(execFile)(tsc, ['-p', FOLDER]).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  );
  expect(compiled).toBe('');
}, 120_000);
