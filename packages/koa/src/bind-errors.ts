import { exchangeOf } from '@throughline/http';

interface KoaContext {
  readonly req: object;
  onerror(error: unknown): void;
}

/**
 * Runs Koa's handling of an error in the exchange's context: `app.on('error')` and the line on the console. Koa does that
 * after all middleware has returned.
 *
 * @example
 * bindErrors(ctx);
 */
export function bindErrors(ctx: KoaContext): void {
  if (!Object.hasOwn(ctx, 'onerror')) ctx.onerror = onErrorInContext;
}

/** One function for all requests: closures of their own would cost each of them. */
function onErrorInContext(this: KoaContext, error: unknown): void {
  const inherited = () => Object.getPrototypeOf(this).onerror.call(this, error);
  // Koa calls it at the end of every response, mostly without an error.
  const exchange = error ? exchangeOf(this.req) : undefined;
  exchange === undefined ? inherited() : exchange.run(inherited);
}
