/** Stands in for `node-exchange.ts` on runtimes that have no servers of Node. */
export function startNodeExchange(): undefined {
  return undefined;
}
