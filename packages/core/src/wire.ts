/**
 * What `@throughline/propagators`, which is used without the rest of the core, is built on: how fields are read from a
 * carrier and written to it, how many may be written, and the check of options.
 *
 * For packages of this repository, which are released together. It does not follow semantic versioning.
 *
 * @module
 */
export {
  type CarrierSetter,
  carrierGetter,
  carrierSetter,
  lines,
  MAX_LINES,
  readCarrier,
  readPrefixed,
  writeCarrier,
} from './carrier/carrier.ts';
export { FieldBudget, MAX_TRACE_STATE_BYTES } from './carrier/field-budget.ts';
export { firstOf, isOws, trimOws } from './carrier/ows.ts';
export { TRACE_FORMATS, type TraceFormat } from './carrier/trace-formats.ts';
export {
  isHexId,
  MAX_TRACEPARENT_LENGTH,
  printTraceparent,
  RANDOM_FLAG,
  readTraceparent,
} from './carrier/traceparent.ts';
export {
  MAX_XRAY_LENGTH,
  printXRayHeader,
  readXRayHeader,
  type XRayHeader,
} from './carrier/x-ray-header.ts';
export {
  CONFLICTS_KEY,
  conflictingSpanContexts,
  EXTRACTED_KEY,
  PARENTLESS_KEY,
} from './context/context-keys.ts';
export { isTracingSuppressed } from './context/tracing-suppression.ts';
export { findWrongOption } from './setup/option-check.ts';
