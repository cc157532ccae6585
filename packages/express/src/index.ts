export { status } from '@throughline/core';
export { exchangeOf } from '@throughline/core/node';
export { tracedFetch } from '@throughline/fetch';
export { traceContext } from './trace-context.ts';
export { traceErrors } from './trace-errors.ts';
