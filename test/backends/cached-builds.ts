import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

/** Where built programs, downloads and virtual environments are kept: outside the repository, shared by its clones. */
export const CACHE_FOLDER = process.env.TL_CACHE ?? join(homedir(), '.cache', 'throughline');

/** How a program that the tests start is made. */
export interface Recipe {
  /** How people call it: `Jaeger`. */
  readonly name: string;
  /** The environment variable that names a ready one instead. */
  readonly override: string;
  /** Its folder in the cache: changes with everything that goes into it. */
  readonly key: string;
  /** The program, or whatever is started, within that folder. */
  readonly file: string;
  /** Programs that {@link make} needs on the PATH. */
  readonly tools: readonly string[];
  /** Builds into `folder`, which is new and empty. */
  make(folder: string): Promise<void>;
}

/** Where a program is, or why there is none. */
export type Located = { readonly path: string } | { readonly missing: string };

/**
 * Finds what a recipe makes, without making it.
 *
 * @example
 * const jaeger = await locate(JAEGER);
 * if ('missing' in jaeger) console.log(jaeger.missing);
 */
export async function locate(recipe: Recipe): Promise<Located> {
  const given = process.env[recipe.override];
  if (given) {
    const found = await exists(given);
    return found ? { path: given } : { missing: `${recipe.override} names ${given}, which does not exist` };
  }
  const path = join(CACHE_FOLDER, recipe.key, recipe.file);
  if (await exists(path)) return { path };
  const absent = await absentTools(recipe.tools);
  if (absent.length > 0) return { missing: `not built, and there is no ${absent.join(', no ')} to build it` };
  return { missing: `not built` };
}

/**
 * Finds what a recipe makes and makes it when it can: once per version, since the cache is looked at first.
 *
 * What fails to build is reported as missing, with the reason.
 */
export async function locateOrMake(recipe: Recipe): Promise<Located> {
  const found = await locate(recipe);
  if ('path' in found || process.env[recipe.override] || (await absentTools(recipe.tools)).length > 0)
    return found;
  const folder = join(CACHE_FOLDER, recipe.key);
  await mkdir(dirname(folder), { recursive: true });
  // Made beside its place and moved there whole: an interrupted build never looks like a finished one.
  const workshop = await mkdtemp(`${folder}.making-`);
  console.log(`${recipe.name}: making ${folder}`);
  const begun = performance.now();
  try {
    await recipe.make(workshop);
    await rename(workshop, folder);
  } catch (error) {
    return { missing: `could not be built: ${error instanceof Error ? error.message : error}` };
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
  console.log(`${recipe.name}: made in ${Math.round((performance.now() - begun) / 1000)} s`);
  return { path: join(folder, recipe.file) };
}

/**
 * Runs a build step, its output on this process's stderr; returns what it printed to stdout.
 *
 * @throws Error when it cannot be started or does not exit with 0.
 */
export async function runStep(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  console.log(`  $ ${[command, ...args].join(' ')}`);
  const child = spawn(command, args, {
    ...(options.cwd && { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code, signal] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ${args[0] ?? ''} ended with ${code ?? signal}`);
  return output;
}

async function absentTools(tools: readonly string[]): Promise<string[]> {
  const found = await Promise.all(tools.map(onPath));
  return tools.filter((_, i) => !found[i]);
}

async function onPath(tool: string): Promise<boolean> {
  const names = process.platform === 'win32' ? [`${tool}.exe`, `${tool}.cmd`] : [tool];
  for (const folder of (process.env.PATH ?? '').split(delimiter))
    for (const name of names) if (await exists(join(folder, name), constants.X_OK)) return true;
  return false;
}

function exists(path: string, mode = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
