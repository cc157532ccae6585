export { type CarrierSetter, carrierGetter, carrierSetter } from './carrier.ts';
export {
  CONFLICTING_SPAN_CONTEXTS_KEY_NAME,
  conflictingSpanContexts,
  isSamplingDeferred,
} from './remote-context.ts';
export { parseTraceState } from './trace-state.ts';
export { type W3CTraceContextOptions, W3CTraceContextPropagator } from './w3c-trace-context.ts';
