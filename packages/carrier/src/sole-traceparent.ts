import type { TextMapGetter } from '@opentelemetry/api';
import { readPrefixed } from './carrier.ts';

const checked = new WeakMap<object, TextMapGetter<unknown>>();

/**
 * Returns the getter with one rule added: a carrier that names several traces names none, because which to believe is
 * not known. A `traceparent` on several lines, in several letter cases or joined by a comma is absent, even when the
 * values are equal.
 *
 * Propagators of other packages believe the first of several, so the rule applies before any propagator reads.
 *
 * @see https://www.w3.org/TR/trace-context-2/#a-traceparent-is-received
 */
export function withSoleTraceparent<C>(getter: TextMapGetter<C>): TextMapGetter<C> {
  let sole = checked.get(getter) as TextMapGetter<C> | undefined;
  if (sole === undefined) {
    sole = new SoleTraceparent(getter);
    checked.set(getter, sole as TextMapGetter<unknown>);
  }
  return sole;
}

class SoleTraceparent<C> implements TextMapGetter<C> {
  readonly #getter: TextMapGetter<C>;

  constructor(getter: TextMapGetter<C>) {
    this.#getter = getter;
  }

  get(carrier: C, name: string): string | string[] | undefined {
    const value = this.#getter.get(carrier, name);
    return name === 'traceparent' || name.toLowerCase() === 'traceparent' ? soleValue(value) : value;
  }

  keys(carrier: C): string[] {
    return this.#getter.keys(carrier);
  }

  prefixed(carrier: C, prefix: string, limit: number): [string, string | string[]][] {
    return readPrefixed(this.#getter, carrier, prefix, limit);
  }
}

function soleValue(value: string | string[] | undefined): string | undefined {
  if (Array.isArray(value)) return value.length === 1 ? soleValue(value[0]) : undefined;
  return typeof value === 'string' && value.includes(',') ? undefined : value;
}
