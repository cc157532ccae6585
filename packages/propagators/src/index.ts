export {
  type CarrierSetter,
  carrierGetter,
  carrierSetter,
  conflictingSpanContexts,
} from '@throughline/carrier';
export { type B3Options, B3Propagator } from './b3.ts';
export { CompositePropagator, type CompositePropagatorOptions } from './composite.ts';
export {
  type ExplainedField,
  explainHeaders,
  type FormatExplanation,
  type HeadersExplanation,
} from './explain-headers.ts';
export { type GrpcTraceBinOptions, GrpcTraceBinPropagator } from './grpc-trace-bin.ts';
export { JaegerPropagator } from './jaeger.ts';
export { createPropagator, type PropagatorNames } from './propagators-from-env.ts';
export { isSamplingDeferred, rootTraceId } from './remote-context.ts';
export { parseTraceState } from './trace-state.ts';
export { baggageProperties, W3CBaggagePropagator } from './w3c-baggage.ts';
export { type W3CTraceContextOptions, W3CTraceContextPropagator } from './w3c-trace-context.ts';
export { XRayPropagator } from './xray.ts';
