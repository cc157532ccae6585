/** As much of a Fastify instance as it takes to see what its hooks reach. */
interface Hooked {
  printRoutes(options: { includeHooks: true }): string;
}

/**
 * Whether an application has routes and none of them runs `hook`: a plugin around has encapsulated it.
 *
 * The print of the routes names functions. Tracers wrap hooks, and a wrapper has another name or none; so it is asked
 * first what stands in the hook's place. Where that cannot be seen, or another function has the same name, the answer is no.
 *
 * @param hook An `onRequest` hook, added to `instance`.
 */
export function reachesNoRoute(instance: Hooked, hook: { readonly name: string }): boolean {
  const routes = instance.printRoutes({ includeHooks: true });
  const own = onRequestHooks(instance);
  const standing = own.includes(hook) ? [hook] : own;
  return (
    !routes.startsWith('(empty') &&
    standing.length > 0 &&
    !standing.some(({ name }) => routes.includes(`${name || 'anonymous'}()`))
  );
}

/** Fastify keeps them under a symbol of its own. */
function onRequestHooks(instance: object): readonly { readonly name: string }[] {
  const key = Object.getOwnPropertySymbols(instance).find(
    ({ description }) => description === 'fastify.hooks',
  );
  const hooks = key === undefined ? undefined : (instance as Record<symbol, unknown>)[key];
  return (hooks as { onRequest?: { readonly name: string }[] } | undefined)?.onRequest ?? [];
}
