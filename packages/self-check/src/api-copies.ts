import { guarded, nodeModule } from '@throughline/core/seam';
import { type Finding, finding } from './finding.ts';

/** One installed copy of the API. */
interface Copy {
  readonly folder: string;
  readonly version: string;
}

const FOLDER = /^.*[\\/]node_modules[\\/]@opentelemetry[\\/]api(?=[\\/])/;

/**
 * Returns TL007 if copies of the API are loaded that cannot read what is registered: code that uses them records nothing.
 *
 * Copies that can read it are common and harmless. Copies loaded as CommonJS can be listed; ES modules cannot.
 */
export function unreadingCopies(registered: string | undefined): readonly Finding[] {
  return copiesFinding(
    (version) => !canRead(version, registered),
    `cannot read the SDK, which is registered through ${registered}`,
    'Packages that use them record and propagate nothing.',
  );
}

/**
 * Returns TL007 where no SDK is registered yet: the first code to register anything, even a logger, decides which copy the
 * SDK must use.
 */
export function refusedCopies(registered: string | undefined): readonly Finding[] {
  if (registered === undefined) return [];
  return copiesFinding(
    (version) => version !== registered,
    `cannot register an SDK, because something is registered through ${registered} already`,
    'An SDK that uses one of them is refused, which is reported to diag only.',
  );
}

function copiesFinding(
  concerns: (version: string) => boolean,
  what: string,
  consequence: string,
): readonly Finding[] {
  const copies = guarded('the copies of @opentelemetry/api could not be listed', loadedCopies, []);
  const list = copies
    .filter(({ version }) => concerns(version))
    .map(({ folder, version }) => `${version} (${folder})`);
  if (list.length === 0) return [];
  return [
    finding('TL007', 'warning', {
      fact: `Loaded copies of @opentelemetry/api ${what}: ${list.join(', ')}.`,
      consequence,
      fix: 'Run "npm ls @opentelemetry/api" and make it one version, by "npm dedupe" or overrides in package.json.',
    }),
  ];
}

/** Returns whether a copy can read what another registered, by the API's rule: it must be of the same minor version or older. */
function canRead(own: string, registered = ''): boolean {
  const [major, minor] = own.split('.').map(Number);
  const [registeredMajor, registeredMinor] = registered.split('.').map(Number);
  return major === registeredMajor && (minor ?? 0) <= (registeredMinor ?? 0);
}

/** Node's modules are asked for here: the rest of the core loads where there are none. */
function loadedCopies(): Copy[] {
  const { createRequire } = nodeModule<typeof import('node:module')>('node:module') ?? {};
  const { readFileSync } = nodeModule<typeof import('node:fs')>('node:fs') ?? {};
  if (createRequire === undefined || readFileSync === undefined) return [];
  // For every file that asks, the cache is the one of the process.
  const files = Object.keys(createRequire(process.execPath).cache);
  const folders = new Set(files.flatMap((file) => FOLDER.exec(file)?.[0] ?? []));
  return [...folders].map((folder) => ({
    folder,
    version: JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')).version,
  }));
}
