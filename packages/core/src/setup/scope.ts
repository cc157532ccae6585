import {
  type Meter,
  type MeterProvider,
  metrics,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { findWrongOption, guarded, type OptionRules } from '@throughline/guard';
import { perRegistration, registeredApi } from './registered-api.ts';
import { SCHEMA_URL } from './semantic-conventions.ts';
import { VERSION } from './version.ts';

/**
 * Names who is set up: the prefix of error messages, and the instrumentation scope of tracer and meter.
 *
 * @see https://opentelemetry.io/docs/specs/otel/common/instrumentation-scope/
 * @example
 * const scope = new Scope('grpc', 'traceServer()');
 * scope.check(options, { ignore: 'function' });
 * const tracer = scope.tracer(options.tracerProvider);
 */
export class Scope {
  /** Package without the npm scope: `express`. */
  readonly package: string;
  /** The function that the user called: `traceContext()`. */
  readonly entry: string;

  constructor(packageName: string, entry: string) {
    this.package = packageName;
    this.entry = entry;
  }

  /** Returns the error for a mistake at set-up: `[throughline/express] traceContext(): what`. */
  error(what: string): TypeError {
    return new TypeError(`[throughline/${this.package}] ${this.entry}: ${what}`);
  }

  /**
   * Checks an options object against a rule for each option; an option that is `undefined` counts as not given.
   *
   * @throws TypeError for a value of the wrong type and for an option that does not exist:
   * `[throughline/express] traceContext(): options.ignore must be a function, got string 'no'`
   */
  check(options: object, rules: OptionRules): void {
    const wrong = findWrongOption(options, rules);
    if (wrong !== undefined) throw this.error(wrong);
  }

  /**
   * Returns a function that looks the tracer up, again after another SDK was registered. It returns `undefined` while no
   * provider is registered and none is given: nothing is recorded then.
   */
  tracer(given: TracerProvider | undefined): () => Tracer | undefined {
    const get = (provider: Pick<TracerProvider, 'getTracer'>) =>
      provider.getTracer(`@throughline/${this.package}`, VERSION, { schemaUrl: SCHEMA_URL });
    if (given !== undefined) {
      const tracer = get(given);
      return () => tracer;
    }
    // Not `trace.getTracer`, which drops the schema.
    const registered = () => get(trace.getTracerProvider());
    return perRegistration('trace', () =>
      registeredApi().trace === undefined
        ? undefined
        : guarded('a tracer provider threw; nothing is recorded', registered),
    );
  }

  /**
   * Returns a function that looks up the instruments that `create` made for the current meter provider. It returns
   * `undefined` while no provider is registered and none is given, so that no attributes are computed in vain.
   */
  instruments<I>(given: MeterProvider | undefined, create: (meter: Meter) => I): () => I | undefined {
    const from = (provider: Pick<MeterProvider, 'getMeter'>) =>
      guarded('a meter provider threw; nothing is measured', () =>
        create(provider.getMeter(`@throughline/${this.package}`, VERSION, { schemaUrl: SCHEMA_URL })),
      );
    if (given !== undefined) {
      const instruments = from(given);
      return () => instruments;
    }
    return perRegistration('metrics', () =>
      registeredApi().metrics === undefined ? undefined : from(metrics),
    );
  }
}
