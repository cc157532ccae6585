import { Buffer } from 'node:buffer';
import type { Context, TextMapPropagator } from '@opentelemetry/api';
import { activeContext } from '@throughline/core';
import { fieldsOf, guarded, propagatorOf } from '@throughline/core/seam';
import { printHeader } from './frame-header.ts';

/** Options of {@link frameContext}. */
export interface FrameOptions {
  /** The context to send. Default: the active one. */
  readonly context?: Context | undefined;
  /**
   * Writes the fields, of which those of W3C are sent: `traceparent`, `tracestate` and `baggage`. Default: the registered
   * one; without any, the caller's fields pass byte for byte.
   */
  readonly propagator?: TextMapPropagator | undefined;
}

/**
 * Returns a frame: a header with the context, and the data.
 *
 * The header has 10 bytes and at most 9 KB; without a trace or baggage to send, it has the 10 bytes only. Baggage that does not fit
 * is left out by whole members.
 *
 * @param data Bytes, or a text that is sent as UTF-8; at most 4 GB.
 * @throws RangeError if there is more data than 32 bits can count. Never throws otherwise.
 * @see https://www.w3.org/TR/trace-context-2/#traceparent-header
 * @example
 * socket.write(frameContext(JSON.stringify(order)));
 */
export function frameContext(data: string | Uint8Array, options: FrameOptions = {}): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  const fields = guarded('a propagator threw in inject(); a frame was sent without context', () =>
    fieldsOf(options.context ?? activeContext(), propagatorOf(options.propagator)),
  );
  return Buffer.concat([printHeader(fields ?? {}, bytes.length), bytes]);
}
