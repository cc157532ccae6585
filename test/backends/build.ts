// Builds or downloads the back ends that are not there yet: node test/backends/build.ts [jaeger|zipkin|collector …]
import { locateOrMake } from './cached-builds.ts';
import { BACK_ENDS } from './recipes.ts';

const wanted = process.argv.slice(2).map((name) => name.toLowerCase());
const chosen = BACK_ENDS.filter(
  ({ key }) => wanted.length === 0 || wanted.some((name) => key.startsWith(`${name}-`)),
);

let complete = chosen.length > 0;
for (const recipe of chosen) {
  const located = await locateOrMake(recipe);
  complete &&= 'path' in located;
  console.log(`${recipe.name}: ${'path' in located ? located.path : located.missing}`);
}
process.exit(complete ? 0 : 1);
