import { Buffer } from 'node:buffer';
import { type Context, ROOT_CONTEXT, type TextMapPropagator } from '@opentelemetry/api';
import type { ExtractionOutcome, ParentTrust, TrustDecision } from '@throughline/core';
import { carrierGetter } from '@throughline/core';
import { admit, createTrustDecider, outcomeOf, propagatorOf, receive } from '@throughline/core/seam';
import { dataOf, readFields, readLengths } from './frame-header.ts';

/** Options of {@link readContext}. */
export interface ReadOptions {
  /** Reads the fields of the header. Default: the registered one; without any, they are kept and passed on. */
  readonly propagator?: TextMapPropagator | undefined;
  /** How far to trust the peer with the trace, its sampling and its baggage. Default: `continue`. */
  readonly trust?: ParentTrust | TrustDecision | undefined;
  /** The bytes of data of the longest frame that is read. Default: 16 MB. */
  readonly maxDataLength?: number | undefined;
}

/** A frame that has arrived. */
export interface Frame {
  /** The context that the peer sent, as far as it is trusted; run what handles the data in it. */
  readonly context: Context;
  /** How it was received. */
  readonly extraction: ExtractionOutcome;
  /** Part of the bytes that were read, not a copy. */
  readonly data: Buffer;
}

/** What some bytes start with. */
export type ReadResult =
  /** A whole frame, of `length` bytes with its header. */
  | ({ readonly outcome: 'framed'; readonly length: number } & Frame)
  /** The start of a frame. At least `needed` bytes are needed to read on. */
  | { readonly outcome: 'incomplete'; readonly needed: number }
  /** No frame: the peer does not speak this, or sends more than is read. The bytes are the application's. */
  | { readonly outcome: 'plain' };

const DEFAULT_MAX_DATA_LENGTH = 16 * 1024 * 1024;

/**
 * Returns what `bytes` start with: a whole frame, the start of one, or something else. Never throws.
 *
 * A header whose fields cannot be read costs the trace, not the frame.
 *
 * @example
 * const read = readContext(received);
 * if (read.outcome === 'framed') runInContext(read.context, () => handle(read.data));
 */
export function readContext(bytes: Uint8Array, options: ReadOptions = {}): ReadResult {
  const { trust = 'continue', maxDataLength = DEFAULT_MAX_DATA_LENGTH } = options;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lengths = readLengths(view);
  if (lengths === undefined) return { outcome: 'plain' };
  if (typeof lengths === 'number') return { outcome: 'incomplete', needed: lengths };
  if (lengths.data > maxDataLength) return { outcome: 'plain' };
  if (view.length < lengths.frame) return { outcome: 'incomplete', needed: lengths.frame };
  const frame = { outcome: 'framed', length: lengths.frame, data: dataOf(view, lengths) } as const;
  const fields = readFields(view, lengths);
  if (fields === undefined) return { ...frame, context: ROOT_CONTEXT, extraction: 'malformed' };
  const propagator = propagatorOf(options.propagator);
  const arrival = receive(propagator, fields, carrierGetter);
  const decision = createTrustDecider(trust)(undefined);
  const outcome = outcomeOf(arrival, fields, propagator);
  return {
    ...frame,
    context: admit(arrival, decision).context,
    extraction: outcome === 'continued' && decision.parent !== 'continue' ? 'untrusted' : outcome,
  };
}
