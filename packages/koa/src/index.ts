export { tracedFetch } from '@throughline/fetch';
export { exchangeOf } from '@throughline/http';
export { status, tracingStatus } from '@throughline/self-check';
export { traceContext } from './trace-context.ts';
