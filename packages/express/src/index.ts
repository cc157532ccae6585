export { tracedFetch } from '@throughline/core';
export { exchangeOf } from '@throughline/core/node';
export { traceContext } from './trace-context.ts';
export { traceErrors } from './trace-errors.ts';
