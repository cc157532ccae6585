import { Buffer } from 'node:buffer';
import { Transform, type TransformCallback } from 'node:stream';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { isTrustPolicy, reportOnce, Scope } from '@throughline/core/seam';
import { type Frame, type ReadOptions, readContext } from './read-context.ts';

/** What {@link readFrames} returns to the application. */
export interface ReceivedFrame extends Frame {
  /**
   * Whether `data` is one frame's. `false`: the peer does not speak this, and `data` is what it sent, in the pieces in which it
   * arrived.
   */
  readonly framed: boolean;
}

/**
 * Returns a stream of the frames that are written to it as bytes, split in any way.
 *
 * From the first byte that belongs to no frame, everything passes through unframed and in order: nothing is lost, and
 * nothing is searched for. So does the rest of a frame that the end of the stream cuts short.
 *
 * @throws TypeError when an option has the wrong type.
 * @example
 * for await (const { context, data } of socket.pipe(readFrames())) runInContext(context, () => handle(data));
 */
export function readFrames(options: ReadOptions = {}): Transform {
  new Scope('stream', 'readFrames()').check(options, {
    propagator: 'propagator',
    trust: [
      (value) => typeof value !== 'function' && isTrustPolicy(value),
      "'continue', 'restart', 'ignore' or a trust decision",
    ],
    maxDataLength: [(value) => Number.isSafeInteger(value) && Number(value) >= 0, 'a number of bytes'],
  });
  return new FrameReader(options);
}

class FrameReader extends Transform {
  readonly #options: ReadOptions;
  /** What is not read yet, joined only when it is enough: a long frame may arrive in many pieces. */
  #pieces: Buffer[] = [];
  #length = 0;
  #needed = 0;
  #framed = true;

  constructor(options: ReadOptions) {
    super({ readableObjectMode: true });
    this.#options = options;
  }

  override _transform(piece: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (!this.#framed) this.#pass(this.#take());
    else if (this.#length >= this.#needed) this.#read(this.#take());
    done();
  }

  override _flush(done: TransformCallback): void {
    this.#pass(this.#take());
    done();
  }

  #take(): Buffer {
    const [first, ...others] = this.#pieces;
    this.#pieces = [];
    this.#length = 0;
    return first !== undefined && others.length === 0
      ? first
      : Buffer.concat(first ? [first, ...others] : []);
  }

  #read(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      const read = readContext(rest, this.#options);
      if (read.outcome === 'framed') {
        const { context, extraction, data, length } = read;
        this.push({ framed: true, context, extraction, data } satisfies ReceivedFrame);
        rest = rest.subarray(length);
      } else if (read.outcome === 'incomplete') {
        this.#pieces = [rest];
        this.#length = rest.length;
        this.#needed = read.needed;
        return;
      } else {
        reportOnce(
          'a peer sent bytes that are no frame, or a frame that is too long; they pass through unframed',
        );
        this.#framed = false;
        this.#pass(rest);
        return;
      }
    }
    this.#needed = 0;
  }

  #pass(data: Buffer): void {
    if (data.length === 0) return;
    const unframed: ReceivedFrame = { framed: false, context: ROOT_CONTEXT, extraction: 'absent', data };
    this.push(unframed);
  }
}
