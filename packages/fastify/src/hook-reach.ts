/** The part of a Fastify instance that shows which routes its hooks reach. */
interface Hooked {
  printRoutes(options: { includeHooks: true }): string;
}

/**
 * Returns whether an application has routes and none of them runs `hook`, because the plugin around it is encapsulated.
 *
 * The printed routes name functions. Tracers wrap hooks, and a wrapper has another name or none; so the function in the hook's
 * place is looked up first. If that is not possible, or another function has the same name, this returns `false`.
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

/** Returns the `onRequest` hooks, which Fastify keeps under a symbol of its own. */
function onRequestHooks(instance: object): readonly { readonly name: string }[] {
  const key = Object.getOwnPropertySymbols(instance).find(
    ({ description }) => description === 'fastify.hooks',
  );
  const hooks = key === undefined ? undefined : (instance as Record<symbol, unknown>)[key];
  return (hooks as { onRequest?: { readonly name: string }[] } | undefined)?.onRequest ?? [];
}
