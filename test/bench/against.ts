/**
 * Compares this tree with an earlier revision: the same middleware, as packed then and now, at the same time on one processor.
 *
 *     node test/bench/against.ts <revision> [--rounds N] [--only http,express,fastify,koa] [--quick]
 *
 * Prints the ratio of CPU per request, now by then: the median of fresh processes with the least and the most.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { httpDuel, MODES, NORMAL, QUICK } from './duel.ts';
import { type Installation, installAll } from './installation.ts';
import type { Framework } from './process/variant.ts';
import { median, shuffled } from './statistics.ts';

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'http,express,fastify,koa' },
    quick: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const [revision] = positionals;
if (revision === undefined)
  throw new Error('name a revision to compare with: node test/bench/against.ts HEAD~1');

const folder = mkdtempSync(join(tmpdir(), 'throughline-against-'));
try {
  const before = await installedThen(revision);
  const now = await installed(installAll);
  const ratios = new Map<string, number[]>();
  for (let round = 0; round < Number(values.rounds); round++)
    for (const framework of shuffled(values.only.split(',') as Framework[])) {
      const [then, today] = [before, now].map((installation) => ({ file: 'throughline.ts', installation }));
      const duels = await httpDuel(framework, then as never, today as never, values.quick ? QUICK : NORMAL);
      for (const mode of MODES) {
        const duel = duels.get(mode);
        if (duel === undefined) continue;
        const key = `${framework} | ${mode}`;
        ratios.set(key, [...(ratios.get(key) ?? []), duel.variant / duel.base]);
      }
    }
  console.log('| server | parent | CPU per request, now / then | least | most |\n|---|---|---:|---:|---:|');
  for (const [key, found] of [...ratios].sort())
    console.log(
      `| ${key} | ${[median(found), Math.min(...found), Math.max(...found)].map((n) => n.toFixed(2)).join(' | ')} |`,
    );
} finally {
  execFileSync('git', ['worktree', 'remove', '--force', join(folder, 'tree')]);
  rmSync(folder, { recursive: true, force: true });
}

async function installed(install: typeof installAll): Promise<Installation> {
  const { installations } = await install(['otel']);
  return installations.get('otel') as Installation;
}

/** The revision's own packages, installed by its own bench, in a folder that the next installation leaves alone. */
async function installedThen(name: string): Promise<Installation> {
  const tree = join(folder, 'tree');
  execFileSync('git', ['worktree', 'add', '--detach', tree, name], { stdio: 'ignore' });
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent'], { cwd: tree, stdio: 'ignore' });
  const bench = (await import(join(tree, 'test/bench/installation.ts'))) as { installAll: typeof installAll };
  const found = await installed(bench.installAll);
  const kept = join(folder, 'then');
  cpSync(found.folder, kept, { recursive: true });
  return { ...found, folder: kept };
}
