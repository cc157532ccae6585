/**
 * Node's `require` from where this package is.
 *
 * It is asked for at run time. Imported by its name, it would clash with the line that bundles of ES modules begin with
 * (`import { createRequire } …`), and webpack would try to follow it.
 */
export function ownRequire(): NodeJS.Require {
  // A bundle in CommonJS has no `import.meta`; there the program's own file is as good.
  const from: string | undefined = import.meta.url;
  return process
    .getBuiltinModule('node:module')
    .createRequire(from ?? process.argv[1] ?? `${process.cwd()}/`);
}
