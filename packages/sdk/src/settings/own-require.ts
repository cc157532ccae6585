/**
 * Returns Node's `require`, as from this package's folder.
 *
 * `createRequire` is looked up at run time. An import of that name would clash with the line that bundles of ES modules
 * begin with (`import { createRequire } …`), and webpack would try to follow it.
 */
export function ownRequire(): NodeJS.Require {
  // A CommonJS bundle has no `import.meta`. There, the program's own file serves as well.
  const from: string | undefined = import.meta.url;
  return process
    .getBuiltinModule('node:module')
    .createRequire(from ?? process.argv[1] ?? `${process.cwd()}/`);
}
