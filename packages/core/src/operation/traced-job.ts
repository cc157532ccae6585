import { type Attributes, ROOT_CONTEXT, SpanKind, type TracerProvider, trace } from '@opentelemetry/api';
import { activeContext } from '../context/active-context.ts';
import { guarded } from '../setup/guard.ts';
import { typeName } from '../setup/option-check.ts';
import { Scope } from '../setup/scope.ts';
import { Operation } from './operation.ts';

/** Options of {@link tracedJob}. */
export interface TracedJobOptions<Args extends unknown[] = unknown[]> {
  /** Makes the spans. Default: the provider registered with the API, looked up for each run. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Attributes of the span, by the arguments of the run; there from its creation, so that samplers see them. */
  readonly attributes?: ((...args: Args) => Attributes) | undefined;
}

const SCOPE = new Scope('core', 'tracedJob()');

/**
 * The function, each call of it in a trace of its own: for cron, timers and loops that are started at boot.
 *
 * Every call is one INTERNAL span without a parent. It is linked to the span that is active around the call, which is
 * that of the code that set the timer up, if any; nothing else of the context around gets in, no baggage either. The span ends
 * when what `fn` returns has settled, with the status ERROR if that failed. Calls that overlap have a trace each. `this`,
 * arguments, result and error go through unchanged.
 *
 * @param name Names the span: what the job does, of low cardinality.
 * @throws TypeError when an argument or option has the wrong type. Nothing throws afterwards but what `fn` throws.
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
    throw SCOPE.error(`name must be a text, got ${typeName(name)}`);
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
