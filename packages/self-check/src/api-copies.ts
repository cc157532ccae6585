import { guarded } from '@throughline/core/seam';
import { type Finding, finding } from './finding.ts';

/** One installed copy of the API. */
interface Copy {
  readonly folder: string;
  readonly version: string;
}

const FOLDER = /^.*[\\/]node_modules[\\/]@opentelemetry[\\/]api(?=[\\/])/;

/**
 * TL007: loaded copies of the API that cannot read what is registered, so that code that uses them records nothing.
 *
 * Further copies that can are common and harmless. Those loaded as CommonJS can be listed; ES modules cannot.
 */
export function unreadingCopies(registered: string | undefined): readonly Finding[] {
  return copiesFinding(
    (version) => !canRead(version, registered),
    `cannot read the SDK, which is registered through ${registered}`,
    'What the packages beside them record or propagate is lost.',
  );
}

/** TL007, before any SDK: the first to register anything, a logger even, decides which copy the SDK must use. */
export function refusedCopies(registered: string | undefined): readonly Finding[] {
  if (registered === undefined) return [];
  return copiesFinding(
    (version) => version !== registered,
    `cannot register an SDK, because something is registered through ${registered} already`,
    'An SDK that tries by one of them is refused, and only diag is notified.',
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

/** The API's own rule: a copy may be older than the one that registered, or of the same minor version. */
function canRead(own: string, registered = ''): boolean {
  const [major, minor] = own.split('.').map(Number);
  const [registeredMajor, registeredMinor] = registered.split('.').map(Number);
  return major === registeredMajor && (minor ?? 0) <= (registeredMinor ?? 0);
}

/** Node's modules are asked for here: the rest of the core loads where there are none. */
function loadedCopies(): Copy[] {
  const { createRequire } = process.getBuiltinModule('node:module');
  const { readFileSync } = process.getBuiltinModule('node:fs');
  // For every file that asks, the cache is the one of the process.
  const files = Object.keys(createRequire(process.execPath).cache);
  const folders = new Set(files.flatMap((file) => FOLDER.exec(file)?.[0] ?? []));
  return [...folders].map((folder) => ({
    folder,
    version: JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')).version,
  }));
}
