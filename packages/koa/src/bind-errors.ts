import { exchangeOf } from '@throughline/http';

interface KoaContext {
  readonly req: object;
  onerror(error: unknown): void;
}

/**
 * Runs what Koa does with an error in the exchange's context: `app.on('error')` and its own line on the console, which it
 * calls when all middleware has returned.
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
  const exchange = exchangeOf(this.req);
  exchange === undefined ? inherited() : exchange.run(inherited);
}
