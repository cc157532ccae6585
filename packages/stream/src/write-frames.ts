import { Buffer } from 'node:buffer';
import { PassThrough, type Transform } from 'node:stream';
import type { TextMapPropagator } from '@opentelemetry/api';
import { Scope } from '@throughline/core/seam';
import { frameContext } from './frame-context.ts';

/** Options of {@link writeFrames}. */
export interface WriteOptions {
  /** As for `frameContext`. */
  readonly propagator?: TextMapPropagator | undefined;
}

type Written = (error?: Error | null) => void;

/**
 * Returns a stream that makes a frame of each chunk that is written to it, with the context that is active at that moment.
 *
 * Write one message of yours at a time. Do not pipe bytes into it whose chunks mean nothing.
 *
 * @throws TypeError when an option has the wrong type.
 * @example
 * const frames = writeFrames();
 * frames.pipe(socket);
 * frames.write(JSON.stringify(order));
 */
export function writeFrames(options: WriteOptions = {}): Transform {
  new Scope('stream', 'writeFrames()').check(options, { propagator: 'propagator' });
  return new FrameWriter(options);
}

/** Frames in `write` and `end`: when a stream transforms a chunk later, another context is active. */
class FrameWriter extends PassThrough {
  readonly #options: WriteOptions;

  constructor(options: WriteOptions) {
    super();
    this.#options = options;
  }

  override write(chunk: unknown, encoding?: BufferEncoding | Written, written?: Written): boolean {
    return typeof encoding === 'function'
      ? super.write(this.#framed(chunk), encoding)
      : super.write(this.#framed(chunk, encoding), written);
  }

  override end(chunk?: unknown, encoding?: BufferEncoding | (() => void), ended?: () => void): this {
    if (typeof chunk === 'function') return super.end(chunk as () => void);
    if (chunk === undefined || chunk === null) return super.end(encoding as never, ended);
    this.write(chunk, typeof encoding === 'function' ? undefined : encoding);
    return super.end(typeof encoding === 'function' ? encoding : ended);
  }

  /** What is no data is left for the stream to refuse, with its own error. */
  #framed(chunk: unknown, encoding?: BufferEncoding): unknown {
    if (typeof chunk === 'string') return frameContext(Buffer.from(chunk, encoding), this.#options);
    return chunk instanceof Uint8Array ? frameContext(chunk, this.#options) : chunk;
  }
}
