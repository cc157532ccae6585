export { tracedFetch } from '@throughline/fetch';
export { status, tracingStatus } from '@throughline/self-check';
export type { NodeRequest } from './node/request-record.ts';
export type { NodeResponse } from './node/response-outcome.ts';
export {
  exchangeOf,
  type NodeExchangeDescription,
  traceNodeExchange,
} from './node/trace-node-exchange.ts';
export { earlierRoutes } from './routes/earlier-routes.ts';
export { pathOfTarget } from './routes/path-of-target.ts';
export type { ServedRoute } from './routes/served-route.ts';
export { traceListener } from './trace-listener.ts';
