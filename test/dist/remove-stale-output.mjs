// Removes from dist what no source makes: a module that was renamed or deleted would be published for ever. The compiler
// leaves it there, and so does a build that comes from turbo's cache.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const packages = join(import.meta.dirname, '../../packages');
for (const name of readdirSync(packages)) {
  const dist = join(packages, name, 'dist');
  if (!existsSync(dist)) continue;
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const [, module] = /^(.*?)(?:\.d\.ts|\.js)$/.exec(file.slice(dist.length)) ?? [];
    if (module === undefined || !existsSync(join(packages, name, 'src', `${module}.ts`))) rmSync(file);
  }
}
