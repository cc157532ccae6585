export { tracedFetch } from '@throughline/core';
export { exchangeOf } from '@throughline/core/node';
export { traceListener } from './trace-listener.ts';
