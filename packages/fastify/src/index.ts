export { status } from '@throughline/core';
export { exchangeOf } from '@throughline/core/node';
export { tracedFetch } from '@throughline/fetch';
export { tracePlugin } from './trace-plugin.ts';
