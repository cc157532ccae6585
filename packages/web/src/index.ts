export { tracedFetch } from '@throughline/fetch';
export { status, tracingStatus } from '@throughline/self-check';
export { exchangeOf } from './serve-request.ts';
export { type FetchHandler, traceFetchHandler } from './trace-fetch-handler.ts';
