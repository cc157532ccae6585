import type { Application, RequestHandler } from 'express';

/** What Express keeps of each `app.use` and `app.get`, in their order. */
interface Layer {
  readonly handle: unknown;
  readonly name?: string;
  readonly route?: { readonly path: unknown };
}

/** Routes and routers that an application asks before `middleware`; none when it is not mounted in it itself. */
export function earlierRoutes(app: Application, middleware: RequestHandler): string[] {
  // In this order: Express 4 throws when asked for `router`.
  const { stack }: { readonly stack: readonly Layer[] } = app._router ?? app.router;
  return stack
    .slice(
      0,
      Math.max(
        0,
        stack.findIndex(({ handle }) => handle === middleware),
      ),
    )
    .filter(({ route, name }) => route !== undefined || name === 'router' || name === 'mounted_app')
    .map(({ route }) => (route === undefined ? 'a router' : String(route.path)));
}
