export { matchedRoute, templateOf, watchMounts } from './mount-template.ts';
export type { NodeRequest, NodeResponse } from './response-outcome.ts';
export { exchangeOf, type NodeExchangeDescription, traceNodeExchange } from './trace-node-exchange.ts';
