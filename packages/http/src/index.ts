// For applications.
export { tracedFetch } from '@throughline/fetch';
export { status, tracingStatus } from '@throughline/self-check';
// For the adapters of this repository, which are released together. It does not follow semantic versioning.
export { earlierRoutes } from './node/earlier-routes.ts';
export { pathOfTarget } from './node/path-of-target.ts';
export type { NodeRequest, NodeResponse } from './node/response-outcome.ts';
export type { ServedRoute } from './node/served-route.ts';
export {
  exchangeOf,
  type NodeExchangeDescription,
  traceNodeExchange,
} from './node/trace-node-exchange.ts';
export { traceListener } from './trace-listener.ts';
