import { type Attributes, ROOT_CONTEXT, SpanKind, type TracerProvider, trace } from '@opentelemetry/api';
import { guarded, typeName } from '@throughline/guard';
import { activeContext } from '../context/active-context.ts';
import { Scope } from '../setup/scope.ts';
import { Operation } from './operation.ts';

/** Options of {@link tracedJob}. */
export interface TracedJobOptions<Args extends unknown[] = unknown[]> {
  /** The provider whose tracer makes the spans. Default: the registered one, looked up for each run. */
  readonly tracerProvider?: TracerProvider | undefined;
  /**
   * Returns attributes of the span from the arguments of the run; set at its start, so that samplers see them. Default:
   * none.
   */
  readonly attributes?: ((...args: Args) => Attributes) | undefined;
}

const SCOPE = new Scope('core', 'tracedJob()');

/**
 * Returns a function that runs `fn` in a new trace at each call: for cron, timers and loops that are started at boot.
 *
 * Every call is one INTERNAL span without a parent. It is linked to the span that is active at the call, if any, which
 * is the one that was active when the timer was set. Nothing else of that context gets in, baggage included. The span
 * ends when what `fn` returns has settled, with the status ERROR if it failed. Overlapping calls have separate traces.
 * `this`, arguments, result and error pass through unchanged.
 *
 * @param name The name of the span: what the job does, of low cardinality.
 * @throws TypeError when an argument or option has the wrong type. The returned function throws only what `fn` throws.
 * @see https://opentelemetry.io/docs/specs/otel/overview/#links-between-spans
 * @example
 * setInterval(tracedJob('refresh prices', refresh), 60_000);
 */
export function tracedJob<This, Args extends unknown[], R>(
  name: string,
  fn: (this: This, ...args: Args) => R,
  options: TracedJobOptions<Args> = {},
): (this: This, ...args: Args) => R {
  if (typeof name !== 'string' || name === '')
    throw SCOPE.error(`name must be a non-empty string, got ${typeName(name)}`);
  if (typeof fn !== 'function') throw SCOPE.error(`fn must be a function, got ${typeName(fn)}`);
  SCOPE.check(options, { tracerProvider: 'tracerProvider', attributes: 'function' });
  const tracer = SCOPE.tracer(options.tracerProvider);
  const { attributes = () => ({}) } = options;

  return function tracedRun(this: This, ...args: Args): R {
    const recorder = tracer();
    const around = trace.getSpanContext(activeContext());
    const start = recorder && {
      tracer: recorder,
      name,
      kind: SpanKind.INTERNAL,
      attributes: guarded('options.attributes threw', () => attributes(...args), {}),
      links: around === undefined ? [] : [{ context: around }],
    };
    const operation = new Operation(ROOT_CONTEXT, start);
    return operation.follow(() => Reflect.apply(fn, this, args));
  };
}
