// npm leaves an optional platform package that it cannot resolve out of the lock file without a word,
// and a stricter `npm ci` then stops. This check names every such hole.
import { readFileSync } from 'node:fs';

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));

/** Whether `name` is locked in a node_modules folder that `location` can see. */
function isLocked(location, name) {
  for (let folder = location; ; ) {
    if (packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`]) return true;
    if (folder === '') return false;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1));
  }
}

const holes = Object.entries(packages).flatMap(([location, { version, optionalDependencies = {} }]) =>
  Object.keys(optionalDependencies)
    .filter((name) => !isLocked(location, name))
    .map((name) => `${location}@${version} lacks its optional dependency ${name}`),
);
for (const hole of holes) console.error(hole);
console.log(`lock file: ${Object.keys(packages).length} packages, ${holes.length} holes`);
process.exit(holes.length === 0 ? 0 : 1);
