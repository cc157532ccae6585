import { dirname, join } from 'node:path';
import { Visitor } from 'oxc-parser';
import { parsed, type Source, source } from './source.ts';

/** The floor of each package, from the table in docs/architecture.md. */
export function floorsOfDocs(): Map<string, number> {
  const rows = source('docs/architecture.md').text.matchAll(/^\| (\d+) \| ((?:`[\w-]+`(?:, )?)+) \|/gm);
  return new Map(
    [...rows].flatMap(([, floor, names]) =>
      (names as string).match(/[\w-]+/g)?.map((name) => [name, Number(floor)] as const),
    ) as [string, number][],
  );
}

/** What `file` imports, exports from, or names in `import()`. */
function importsOf(file: Source): string[] {
  const found: string[] = [];
  const take = ({ source }: { source?: { type: string; value?: unknown } | null }) => {
    if (typeof source?.value === 'string') found.push(source.value);
  };
  new Visitor({
    ImportDeclaration: take,
    ExportNamedDeclaration: take,
    ExportAllDeclaration: take,
    ImportExpression: take,
    TSImportType: take,
  }).visit(parsed(file).program);
  return found;
}

/** A package as its manifest describes it. */
export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
}

/** Returns what is wrong with the imports of `files`: one line each, which says what to do. */
export function wrongImports(
  files: readonly Source[],
  floors: ReadonlyMap<string, number>,
  manifests: ReadonlyMap<string, Manifest>,
): string[] {
  return files.flatMap((file) =>
    importsOf(file).flatMap((specifier) => {
      const problem = wrongImport(file.path, specifier, floors, manifests);
      return problem === undefined ? [] : [`${file.path} imports '${specifier}': ${problem}`];
    }),
  );
}

function wrongImport(
  path: string,
  specifier: string,
  floors: ReadonlyMap<string, number>,
  manifests: ReadonlyMap<string, Manifest>,
): string | undefined {
  const [, importer = '', own] = /^packages\/([^/]+)\/src\//.exec(path) ?? [];
  if (specifier.startsWith('.') || specifier.startsWith('/')) {
    const inside = join(dirname(path), specifier).startsWith(`packages/${importer}/src/`);
    return inside ? own : 'that is outside of src. Import the entry point of the package that it belongs to.';
  }
  const [, imported, entry = ''] = /^@throughline\/([^/]+)(.*)$/.exec(specifier) ?? [];
  if (imported === undefined) return undefined;
  if (manifests.get(imported)?.exports[`.${entry}`] === undefined)
    return `that is no entry point. Import one that packages/${imported}/package.json lists under "exports".`;
  const from = floors.get(importer);
  const to = floors.get(imported);
  if (from === undefined || to === undefined)
    return 'docs/architecture.md has no floor for one of the two packages. Add a row to its table.';
  if (importer === 'testing' && imported !== 'carrier' && imported !== 'guard')
    return 'the kits judge every package and depend on carrier and guard only. Let the case take what it needs from the adapter under test.';
  if (to >= from)
    return `${imported} (floor ${to}) is not below ${importer} (floor ${from}). Move what both need to a package below, or have the caller hand it in.`;
  return undefined;
}

/** Returns how the manifests differ from the imports of `files`: one line each, which says what to do. */
export function wrongDependencies(
  files: readonly Source[],
  manifests: ReadonlyMap<string, Manifest>,
): string[] {
  return [...manifests].flatMap(([name, { dependencies = {} }]) => {
    const imported = new Set(
      files
        .filter(({ path }) => path.startsWith(`packages/${name}/src/`))
        .flatMap((file) => importsOf(file).flatMap((it) => /^@throughline\/[^/]+/.exec(it)?.[0] ?? [])),
    );
    const listed = Object.keys(dependencies).filter((it) => it.startsWith('@throughline/'));
    return [
      ...[...imported]
        .filter((it) => !listed.includes(it))
        .map((it) => `packages/${name} imports ${it}: add it to "dependencies" in its package.json.`),
      ...listed
        .filter((it) => !imported.has(it))
        .map(
          (it) =>
            `packages/${name} imports nothing of ${it}: remove it from "dependencies" in its package.json.`,
        ),
    ];
  });
}
