import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const REPOSITORY = join(import.meta.dirname, '../..');

/** A folder in which packages are installed as a user would install them: from tarballs, outside this repository. */
export interface Installation {
  readonly folder: string;
  /** The tarballs by package name. */
  readonly tarballs: ReadonlyMap<string, string>;
  /** Runs a program in the folder, with Node's own exit code and what it printed. */
  node(script: string, ...args: string[]): Promise<{ stdout: string; stderr: string }>;
  remove(): Promise<void>;
}

/** The names of the packages that are published. */
export async function publishedPackages(): Promise<string[]> {
  return (await readdir(join(REPOSITORY, 'packages'))).sort();
}

/** Packs every published package into `folder`; returns the tarballs by package name. */
export async function packAll(folder: string): Promise<Map<string, string>> {
  const names = await publishedPackages();
  const workspaces = names.flatMap((name) => ['-w', `packages/${name}`]);
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--silent', '--pack-destination', folder, ...workspaces],
    {
      cwd: REPOSITORY,
      maxBuffer: 16 << 20,
    },
  );
  const packed = Object.values(JSON.parse(stdout) as Record<string, { name: string; filename: string }>);
  return new Map(packed.map(({ name, filename }) => [name, join(folder, filename)]));
}

/** Installs all packed packages together with `dependencies` (name → version range) into a new folder. */
export async function installPacked(dependencies: Record<string, string>): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), 'throughline-dist-'));
  const tarballs = await packAll(folder);
  const manifest = {
    name: 'packed',
    private: true,
    dependencies: {
      ...Object.fromEntries([...tarballs].map(([name, file]) => [name, `file:${file}`])),
      ...dependencies,
    },
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--silent'], { cwd: folder });
  return {
    folder,
    tarballs,
    node: (script, ...args) =>
      run(process.execPath, [join(folder, script), ...args], { cwd: folder, timeout: 30_000 }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The version that the repository itself has installed, so that both test the same. */
export async function installedVersion(name: string): Promise<string> {
  const manifest = await readFile(join(REPOSITORY, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
