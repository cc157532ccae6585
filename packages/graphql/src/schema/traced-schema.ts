import { guarded } from '@throughline/core/seam';
import type { GraphqlTracer } from '../operation/graphql-tracer.ts';
import { operationRecord } from '../operation/operation-record.ts';
import { attachedOperation, attachOperation } from './attached-operation.ts';

type Resolver = (
  this: unknown,
  source: unknown,
  args: unknown,
  contextValue: unknown,
  info: unknown,
) => unknown;

interface Field {
  resolve?: Resolver | undefined;
  subscribe?: Resolver | undefined;
}

/** The part of a schema that is used. */
export interface Schema {
  getTypeMap(): Readonly<Record<string, object>>;
  getSubscriptionType?(): { getFields(): Readonly<Record<string, unknown>> } | null | undefined;
}

/** The part of a resolver's `info` that is read. */
interface Info {
  readonly operation: { readonly kind: string; readonly operation?: string };
  readonly variableValues?: unknown;
}

const resolversTraced = new WeakSet<object>();
const subscriptionsTraced = new WeakSet<object>();

/**
 * Has the resolvers of a schema run in the operation that is attached to their context value.
 *
 * Servers whose plugins cannot wrap the execution leave no other place; they replace resolvers in their schema themselves. Fields
 * without a resolver function stay as they are. A schema is changed once, and resolvers of operations that are not traced are
 * called as before.
 */
export function traceResolvers(schema: Schema): void {
  if (resolversTraced.has(schema)) return;
  resolversTraced.add(schema);
  guarded('the resolvers of a schema could not be traced', () => {
    for (const [typeName, type] of Object.entries(schema.getTypeMap()))
      if (!typeName.startsWith('__'))
        for (const [name, field] of fieldsOf(type)) traceResolver(`${typeName}.${name}`, field);
  });
}

function traceResolver(name: string, field: Field): void {
  const { resolve } = field;
  if (typeof resolve !== 'function') return;
  field.resolve = function tracedResolver(source, args, contextValue, info) {
    const call = () => Reflect.apply(resolve, this, [source, args, contextValue, info]);
    const operation = attachedOperation(contextValue);
    return operation === undefined ? call() : operation.resolve(name, call);
  };
}

/** Has each subscription to a schema run as an operation of `tracer`, from the subscription to the end of its events. */
export function traceSubscriptions(schema: Schema, tracer: GraphqlTracer): void {
  if (subscriptionsTraced.has(schema)) return;
  subscriptionsTraced.add(schema);
  guarded('the subscriptions of a schema could not be traced', () => {
    for (const [, field] of fieldsOf(schema.getSubscriptionType?.() ?? {})) {
      const { subscribe } = field;
      if (typeof subscribe !== 'function') continue;
      field.subscribe = function tracedSubscription(source, args, contextValue, info) {
        const operation = tracer.start(recordOf(info as Info));
        attachOperation(contextValue, operation);
        return operation.execute(() => Reflect.apply(subscribe, this, [source, args, contextValue, info]));
      };
    }
  });
}

function recordOf({ operation, variableValues }: Info) {
  return operationRecord({ definitions: [operation] }, undefined, variableValues);
}

function fieldsOf(type: { getFields?(): Readonly<Record<string, unknown>> }): [string, Field][] {
  return Object.entries(type.getFields?.() ?? {}) as [string, Field][];
}
