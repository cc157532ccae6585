export { tracedFetch } from '@throughline/fetch';
export { exchangeOf } from '@throughline/http';
export { status, tracingStatus } from '@throughline/self-check';
export { tracePlugin } from './trace-plugin.ts';
