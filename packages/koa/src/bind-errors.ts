import { exchangeOf } from '@throughline/http';
import type { HttpServerExchange } from '@throughline/http-semantics';

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
  // Koa calls it at the end of every response, mostly without an error.
  const exchange = error ? exchangeOf(this.req) : undefined;
  if (exchange === undefined) inheritedOnError(this, error);
  else runIn(exchange, this, error);
}

function inheritedOnError(ctx: KoaContext, error: unknown): void {
  Object.getPrototypeOf(ctx).onerror.call(ctx, error);
}

/** By itself, because its closure would be prepared for every response. */
function runIn(exchange: HttpServerExchange, ctx: KoaContext, error: unknown): void {
  exchange.run(() => inheritedOnError(ctx, error));
}
