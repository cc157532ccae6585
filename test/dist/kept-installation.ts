import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Installs packages into a folder outside of this repository, and keeps them between runs: name → version range.
 *
 * @param candidates The first of them that installs is taken.
 */
export async function keepInstalled(
  folder: string,
  candidates: readonly Readonly<Record<string, string>>[],
): Promise<void> {
  const wanted = JSON.stringify(candidates);
  const marker = join(folder, 'installed.json');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return;
  for (const [at, dependencies] of candidates.entries()) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const manifest = { name: 'throughline-peers', private: true, type: 'module', dependencies };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    try {
      await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder });
      writeFileSync(marker, wanted);
      return;
    } catch (error) {
      if (at === candidates.length - 1) throw error;
    }
  }
}

/** Why an installation failed: npm's own word, without the paths and addresses of this machine. */
export function failureReason(error: unknown): string {
  const { stderr = '' } = error as { stderr?: string };
  return /npm error code (\w+)/.exec(stderr)?.[1] ?? 'npm install failed';
}

/** Puts our own packages, as they are now, into a folder that is kept. */
export async function unpackInto(folder: string, tarballs: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, tarball] of tarballs) {
    const target = join(folder, 'node_modules', name);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
  }
}
