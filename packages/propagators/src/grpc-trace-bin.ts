import { Buffer } from 'node:buffer';
import {
  type Context,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { firstOf, isHexId, isTracingSuppressed, TRACE_FORMATS } from '@throughline/carrier';
import { chosenGetter, chosenSetter } from './default-carrier-access.ts';
import { readFirst, writeField } from './field.ts';
import { checkKnownOptions } from './known-options.ts';
import { extractedSpanContext, withRemoteSpanContext } from './remote-context.ts';
import { legalSpanContext } from './span-context.ts';

const [GRPC_TRACE_BIN] = TRACE_FORMATS['grpc-trace-bin'];

// Version, then three fields of one id byte and 16, 8 and 1 bytes.
const LENGTH = 29;
export const MAX_GRPC_TRACE_BIN_LENGTH = 256;

/** Options of {@link GrpcTraceBinPropagator}. */
export interface GrpcTraceBinOptions {
  /**
   * What the setter receives: `'bytes'`, for gRPC metadata and binary message headers, or `'base64'`, for carriers of
   * text. `Headers` objects and HTTP messages always get base64.
   *
   * @default 'bytes'
   */
  readonly encoding?: 'bytes' | 'base64';
}

/**
 * Reads and writes the binary format of OpenCensus, which gRPC services send as `grpc-trace-bin`: 29 bytes. Reads their
 * base64 form as well.
 *
 * The bytes are a `Buffer`, because gRPC's metadata accepts nothing else.
 *
 * Never throws, with any context, carrier or getter.
 *
 * @see https://github.com/census-instrumentation/opencensus-specs/blob/master/encodings/BinaryEncoding.md
 * @example
 * const metadata = new Metadata();
 * new GrpcTraceBinPropagator().inject(context.active(), metadata);
 */
export class GrpcTraceBinPropagator implements TextMapPropagator<unknown> {
  readonly #base64: boolean;

  /** @throws TypeError when `options.encoding` is neither `'bytes'` nor `'base64'`, and for options that do not exist. */
  constructor(options: GrpcTraceBinOptions = {}) {
    checkKnownOptions('GrpcTraceBinPropagator', options, ['encoding']);
    const encoding: unknown = options.encoding ?? 'bytes';
    if (encoding !== 'bytes' && encoding !== 'base64') {
      throw new TypeError(
        `[throughline/propagators] GrpcTraceBinPropagator: options.encoding must be 'bytes' or 'base64', got ${String(encoding)}`,
      );
    }
    this.#base64 = encoding === 'base64';
  }

  /**
   * Returns the context that continues the carrier's trace, or `context` itself when the value is absent or malformed.
   */
  extract(context: Context, carrier: unknown, getter?: TextMapGetter): Context {
    try {
      const value = readFirst(carrier, chosenGetter(getter), GRPC_TRACE_BIN);
      const spanContext = value === undefined ? undefined : parseGrpcTraceBin(value);
      return spanContext === undefined ? context : withRemoteSpanContext(context, spanContext);
    } catch {
      return context;
    }
  }

  /** Writes the value unless the context has no valid span context or tracing is suppressed. */
  inject(context: Context, carrier: unknown, setter?: TextMapSetter): void {
    try {
      if (isTracingSuppressed(context)) return;
      const spanContext = legalSpanContext(trace.getSpanContext(context), extractedSpanContext(context));
      if (spanContext === undefined) return;
      const bytes = bytesOf(spanContext);
      const value: unknown = this.#base64 ? bytes.toString('base64') : bytes;
      // The API's setter is typed for text; carriers of binary fields take bytes.
      writeField(carrier, chosenSetter(setter), GRPC_TRACE_BIN, value as string);
    } catch {
      // A context or span that cannot be read writes nothing.
    }
  }

  /** Returns `grpc-trace-bin`. */
  fields(): string[] {
    return [GRPC_TRACE_BIN];
  }
}

function bytesOf(spanContext: SpanContext): Buffer {
  const bytes = Buffer.alloc(LENGTH);
  bytes.write(spanContext.traceId, 2, 'hex');
  bytes[18] = 1;
  bytes.write(spanContext.spanId, 19, 'hex');
  bytes[27] = 2;
  bytes[28] = spanContext.traceFlags & TraceFlags.SAMPLED;
  return bytes;
}

/** Reads bytes, one per character, or their base64 form. Returns the span context, or `undefined` when malformed. */
export function parseGrpcTraceBin(value: string): SpanContext | undefined {
  if (value.length > MAX_GRPC_TRACE_BIN_LENGTH) return undefined;
  // The first byte is the version, 0; no base64 text begins with it.
  const binary = value.charCodeAt(0) === 0 ? value : fromBase64(firstOf(value, MAX_GRPC_TRACE_BIN_LENGTH));
  const bytes = Buffer.from(binary ?? '', 'latin1');
  if (bytes[0] !== 0) return undefined;
  let traceId = '';
  let spanId = '';
  let traceFlags: number = TraceFlags.NONE;
  let i = 1;
  while (i < bytes.length) {
    const field = bytes[i++];
    const length = field === 0 ? 16 : field === 1 ? 8 : field === 2 ? 1 : 0;
    // A field of a later version has an unknown length, so reading ends here.
    if (length === 0) break;
    if (i + length > bytes.length) return undefined;
    if (field === 0) traceId = bytes.toString('hex', i, i + length);
    else if (field === 1) spanId = bytes.toString('hex', i, i + length);
    else traceFlags = (bytes[i] as number) & TraceFlags.SAMPLED;
    i += length;
  }
  return isHexId(traceId, 32) && isHexId(spanId, 16)
    ? { traceId, spanId, traceFlags, isRemote: true }
    : undefined;
}

function fromBase64(text: string): string | undefined {
  try {
    // gRPC senders may leave the padding out, and some use the URL alphabet.
    return atob(text.replace(/-/g, '+').replace(/_/g, '/'));
  } catch {
    return undefined;
  }
}
