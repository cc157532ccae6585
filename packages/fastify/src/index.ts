export { tracedFetch } from '@throughline/core';
export { exchangeOf } from '@throughline/core/node';
export { tracePlugin } from './trace-plugin.ts';
