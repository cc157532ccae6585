import { exchangeOf } from '@throughline/http';
import type { ErrorRequestHandler } from 'express';

/**
 * Express error middleware that shows an error to the request's span and passes it on as it is.
 *
 * Mount it behind the routes and before the error handlers. The exception is recorded if the response becomes a
 * 5xx. Without it spans show the status alone.
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
