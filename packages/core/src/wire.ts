/**
 * How fields are read from a carrier and written to it, and nothing else: `@throughline/propagators` is built on it and
 * is used without the rest of the core.
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
  writeCarrier,
} from './carrier.ts';
