import type { Attributes, MeterProvider, TextMapPropagator, TracerProvider } from '@opentelemetry/api';

/** The options that every kit sets; `Subject` is what is traced: a request, a messaging operation. */
export interface TraceOptions<Subject> {
  readonly tracerProvider?: TracerProvider;
  readonly meterProvider?: MeterProvider;
  readonly propagator?: TextMapPropagator;
  readonly ignore?: (subject: Subject) => boolean;
  readonly attributes?: (subject: Subject) => Attributes;
}
