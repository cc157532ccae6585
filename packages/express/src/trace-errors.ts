import { exchangeOf } from '@throughline/http';
import type { ErrorRequestHandler } from 'express';

/**
 * Returns Express error middleware that reports errors to the exchange and passes them on unchanged.
 *
 * Mount it behind the routes and before the error handlers. The exception is recorded if the response becomes a 5xx. Without
 * it, spans show only the status.
 *
 * @example
 * app.use(traceErrors());
 */
export function traceErrors(): ErrorRequestHandler {
  return function traceErrors(error, req, _res, next) {
    exchangeOf(req)?.fail(error);
    next(error);
  };
}
