import {
  type Context,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { activeContext } from '@throughline/core';
import { Operation, Scope, viewWithMembers } from '@throughline/core/seam';
import { operationIn } from '../operation/graphql-operation.ts';

/** The part of a DataLoader that is wrapped. */
export interface Loader<K, V> {
  load(key: K): Promise<V>;
}

/** A DataLoader's function for a batch of keys. */
export type LoadBatch<K, V> = (keys: readonly K[]) => PromiseLike<ArrayLike<V | Error>>;

/** Options of {@link traceLoader}. */
export interface LoaderOptions {
  /** Makes the spans. Default: the provider registered with the API; if there is none, nothing is recorded. */
  readonly tracerProvider?: TracerProvider | undefined;
}

/** OpenTelemetry's default limit of links per span. */
const MAX_LINKS = 128;
/** Callers that wait for a batch; a key that is served from the cache would keep its callers otherwise. */
const MAX_CALLERS = 10_000;

/**
 * Returns a DataLoader whose batches run in a span of their own, named `load {name}`, with a link to every span that asked for
 * a key.
 *
 * The span is a child of the GraphQL operation if all callers belong to one, and starts a trace of its own otherwise. Without this, a
 * batch runs in the context of the caller that happened to ask first.
 *
 * @throws TypeError when an argument has the wrong type. Never throws while loading.
 * @see https://opentelemetry.io/docs/specs/otel/overview/#links-between-spans
 * @example
 * const users = traceLoader('users', loadUsers, (batch) => new DataLoader(batch));
 */
export function traceLoader<K, V, L extends Loader<K, V>>(
  name: string,
  loadBatch: LoadBatch<K, V>,
  create: (loadBatch: LoadBatch<K, V>) => L & Loader<K, V>,
  options: LoaderOptions = {},
): L {
  const scope = new Scope('graphql', 'traceLoader()');
  scope.check(options, { tracerProvider: 'tracerProvider' });
  if (typeof name !== 'string' || name === '') throw scope.error('name must be a text');
  if (typeof loadBatch !== 'function')
    throw scope.error(`loadBatch must be a function, got ${typeof loadBatch}`);
  const tracer = scope.tracer(options.tracerProvider);
  const waiting = new Map<K, Set<Context>>();

  function takeCallers(keys: readonly K[]): Context[] {
    const callers = new Set(keys.flatMap((key) => [...(waiting.get(key) ?? [])]));
    for (const key of keys) waiting.delete(key);
    return [...callers];
  }

  function tracedBatch(this: unknown, keys: readonly K[]): PromiseLike<ArrayLike<V | Error>> {
    const callers = takeCallers(keys);
    const run = () => Reflect.apply(loadBatch, this, [keys]);
    const recorder = tracer();
    if (recorder === undefined) return run();
    const parent = commonContext(callers);
    const links = spansOf(callers, parent).map((context) => ({ context }));
    const start = { tracer: recorder, name: `load ${name}`, kind: SpanKind.INTERNAL, links };
    return new Operation(parent, start).follow(run);
  }

  const loader = create(tracedBatch);
  return viewWithMembers(loader, {
    load(this: unknown, key: K): Promise<V> {
      if (waiting.size >= MAX_CALLERS) waiting.clear();
      const callers = waiting.get(key) ?? new Set();
      waiting.set(key, callers.add(activeContext()));
      return Reflect.apply(loader.load, loader, [key]);
    },
  });
}

/** Returns the context of the operation that all callers belong to, or the root context. */
function commonContext(callers: readonly Context[]): Context {
  const [first, ...others] = callers;
  if (first === undefined || others.length === 0) return first ?? activeContext();
  const operation = operationIn(first);
  const isCommon = operation !== undefined && others.every((caller) => operationIn(caller) === operation);
  return isCommon ? operation.context : ROOT_CONTEXT;
}

function spansOf(callers: readonly Context[], parent: Context): SpanContext[] {
  const own = trace.getSpanContext(parent)?.spanId;
  const spans = new Map<string, SpanContext>();
  for (const caller of callers) {
    const span = trace.getSpanContext(caller);
    if (span !== undefined && span.spanId !== own) spans.set(span.spanId, span);
  }
  return [...spans.values()].slice(0, MAX_LINKS);
}
