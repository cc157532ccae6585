import { reportOnce } from '@throughline/core/seam';
import type { GraphqlOperation } from '../operation/graphql-operation.ts';

/** The property of GraphQL's own context value that leads to its operation. Copies of the context value share it. */
const SLOT = Symbol('throughline.graphql.operation');

interface Slot {
  operation?: GraphqlOperation;
}

/** Prepares a context value that is copied before its operation starts, so that the original leads to the operation, too. */
export function prepareContextValue(contextValue: unknown): void {
  slotOf(contextValue);
}

/** Attaches an operation to the context value that its resolvers get. */
export function attachOperation(contextValue: unknown, operation: GraphqlOperation): void {
  const slot = slotOf(contextValue);
  if (slot !== undefined) slot.operation = operation;
}

/** Returns the operation of a context value, or `undefined`. */
export function attachedOperation(contextValue: unknown): GraphqlOperation | undefined {
  return typeof contextValue === 'object' && contextValue !== null
    ? (contextValue as { [SLOT]?: Slot })[SLOT]?.operation
    : undefined;
}

/** Operations of a batch may have context values that inherit from one: each gets a slot of its own. */
function slotOf(contextValue: unknown): Slot | undefined {
  if (typeof contextValue !== 'object' || contextValue === null) return undefined;
  const holder = contextValue as { [SLOT]?: Slot };
  try {
    if (!Object.hasOwn(holder, SLOT)) holder[SLOT] = {};
    return holder[SLOT];
  } catch (error) {
    reportOnce('a context value is frozen; its resolvers run in the context of the request', error);
    return undefined;
  }
}
