import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CodeBlock, codeBlocks, readmes } from './code-blocks.ts';
import { SURROUNDINGS } from './surroundings.ts';

const FOLDER = join(import.meta.dirname, 'blocks');
const BLOCKS = readmes().flatMap(codeBlocks);
const fileOf = ({ readme, line }: CodeBlock) => join(FOLDER, `${readme.replaceAll(/[/.]/g, '-')}-${line}.ts`);

beforeAll(() => {
  rmSync(FOLDER, { recursive: true, force: true });
  cpSync(join(import.meta.dirname, 'fixtures'), FOLDER, { recursive: true });
  for (const block of BLOCKS)
    writeFileSync(fileOf(block), `${declarations(block)}${block.code}\nexport {};\n`);
});
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

describe('code in the READMEs', () => {
  it(`compiles: ${BLOCKS.length} blocks`, async () => {
    const tsc = join(import.meta.dirname, '../../node_modules/.bin/tsc');
    const compiled = await promisify(execFile)(tsc, [
      '-p',
      join(import.meta.dirname, 'blocks.tsconfig.json'),
    ]).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    );
    expect(compiled).toBe('');
  }, 60_000);

  for (const block of BLOCKS) {
    const { command = '', output } = block.console ?? {};
    const path = /^curl localhost:3000(\S*)$/.exec(command)?.[1];
    if (path === undefined) continue;
    it(`${block.readme}:${block.line} answers \`${command}\` as it says`, async () => {
      const stock = createServer((_req, res) => res.end('{"left":3}')).listen(0, '127.0.0.1');
      await once(stock, 'listening');
      const service = await start(block, `http://127.0.0.1:${(stock.address() as AddressInfo).port}`);
      try {
        const response = await fetch(`http://localhost:${service.port}${path}`, {
          headers: { connection: 'close' },
        });
        expect((await response.text()).trim()).toBe(output);
      } finally {
        service.process.kill();
        stock.close();
        stock.closeAllConnections();
      }
    });
  }
});

/** Names that the block takes for granted. */
function declarations({ code }: CodeBlock): string {
  return Object.entries(SURROUNDINGS)
    .filter(([name]) => name === '*' || code.includes(`'${name}'`))
    .flatMap(([, names]) => Object.entries(names))
    .filter(([name]) => new RegExp(`\\b${name}\\b`).test(code))
    .filter(
      ([name]) =>
        !new RegExp(`(const|let|function|class) ${name}\\b|import .*\\b${name}\\b.* from`).test(code),
    )
    .map(([name, type]) => `declare const ${name}: ${type};\n`)
    .join('');
}

/** Runs a block as the service that it is, on a free port in place of 3000. */
async function start(block: CodeBlock, stockUrl: string): Promise<{ process: ChildProcess; port: number }> {
  const probe = createServer().listen(0);
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const file = fileOf(block).replace(/\.ts$/, '.run.ts');
  writeFileSync(file, block.code.replaceAll('3000', String(port)));
  const service = spawn(process.execPath, [file], {
    env: { ...process.env, STOCK_URL: stockUrl },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  service.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const deadline = Date.now() + 15_000;
  while (!(await accepts(port))) {
    if (service.exitCode !== null || Date.now() > deadline)
      throw new Error(`${block.readme} did not start: ${errors}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { process: service, port };
}

async function accepts(port: number): Promise<boolean> {
  return fetch(`http://localhost:${port}/`, { headers: { connection: 'close' } }).then(
    async (response) => {
      await response.body?.cancel();
      return true;
    },
    () => false,
  );
}
