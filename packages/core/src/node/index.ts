export { earlierRoutes } from './earlier-routes.ts';
export { reachesNoRoute } from './hook-reach.ts';
export { bindKoaErrors } from './koa-errors.ts';
export { servedKoaRoute, watchKoaRoute } from './koa-route.ts';
export { traceOutsideHooks } from './outside-hooks.ts';
export type { NodeRequest, NodeResponse } from './response-outcome.ts';
export { servedRoute, watchRoute } from './served-route.ts';
export {
  exchangeOf,
  type NodeExchangeDescription,
  type ServedRoute,
  traceNodeExchange,
} from './trace-node-exchange.ts';
export {
  allOf,
  anyOf,
  fromCidr,
  type TrustCondition,
  toPath,
  withClientCertificate,
  withSecretHeader,
} from './trust-conditions.ts';
export { type SampledBudgetOptions, sampledBudget, type TrustWhenOptions, trustWhen } from './trust-when.ts';
