import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { guarded } from '@throughline/core/seam';
import type { CarriedExchange } from './connection.ts';
import type { ResponseWitness } from './response-outcome.ts';

const WATCH = Symbol('throughline.watch');

/** The methods that Node calls on a stream, and the watch on it. */
interface WatchedStream extends Omit<ServerHttp2Stream, '_destroy'> {
  [WATCH]?: Watch;
  _destroy(error: unknown, done: unknown): void;
}

interface Watch {
  readonly seen: ResponseWitness;
  readonly exchange: CarriedExchange;
  /** How many bytes the connection had sent when the head was handed over. */
  sentBefore?: number | undefined;
  readonly close: ServerHttp2Stream['close'];
  readonly respond: ServerHttp2Stream['respond'];
  readonly destroy: WatchedStream['_destroy'];
}

/**
 * Notes whether this side closes an HTTP/2 stream, and ends the exchange when the stream closes, at the latest.
 *
 * Afterwards the stream shows only the code that it was reset with, and each side may use any code.
 */
export function watchStream(
  given: ServerHttp2Stream,
  seen: ResponseWitness,
  exchange: CarriedExchange,
): void {
  // The cast: a watched stream has its own methods replaced, and Node's type declares other signatures.
  const stream = given as unknown as WatchedStream;
  const { close, respond } = given;
  stream[WATCH] = { seen, exchange, close, respond, destroy: stream._destroy };
  stream.close = closeAndNote;
  stream.respond = respondAndNote;
  stream._destroy = destroyAndNote;
  stream.on('close', endExchange);
  watchSession(given.session as WatchedSession | undefined);
}

function closeAndNote(this: WatchedStream, ...args: Parameters<ServerHttp2Stream['close']>): void {
  noteClosing(this);
  this[WATCH]?.close.apply(this as unknown as ServerHttp2Stream, args);
}

function respondAndNote(this: WatchedStream, ...args: Parameters<ServerHttp2Stream['respond']>): void {
  const watch = this[WATCH];
  if (watch === undefined) return;
  const { session } = this;
  // Node reports itself that the session of a stream is gone.
  if (session !== undefined && !session.destroyed) watch.sentBefore = session.socket.bytesWritten;
  watch.respond.apply(this as unknown as ServerHttp2Stream, args);
  watch.exchange.headLeft(Number(this.sentHeaders?.[':status']));
}

function destroyAndNote(this: WatchedStream, error: unknown, done: unknown): void {
  noteClosing(this);
  this[WATCH]?.destroy.call(this, error, done);
}

function endExchange(this: WatchedStream): void {
  this[WATCH]?.exchange.end();
}

/** Notes who closes a stream: Node uses the same methods for a client that has left. */
function noteClosing(stream: WatchedStream): void {
  const watch = stream[WATCH];
  if (watch === undefined || stream.closed) return;
  const note = () => {
    const session = stream.session as WatchedSession | undefined;
    watch.seen.closedHere = !isClientGone(session);
    watch.seen.headLost = session?.destroyed === true && session.socket.bytesWritten === watch.sentBefore;
  };
  guarded('a stream could not be watched', note);
}

const AWAY = Symbol('throughline.away');

interface WatchedSession extends ServerHttp2Session {
  /** Whether the client has reported that the session failed. */
  [AWAY]?: boolean;
}

function watchSession(session: WatchedSession | undefined): void {
  if (session === undefined || session[AWAY] !== undefined) return;
  session[AWAY] = false;
  session.on('goaway', noteGoaway);
}

function noteGoaway(this: WatchedSession, code: number): void {
  if (code !== 0) this[AWAY] = true;
}

function isClientGone(session: WatchedSession | undefined): boolean {
  if (session === undefined) return false;
  if (session[AWAY] === true) return true;
  const { socket } = session;
  return socket.destroyed && (socket.readableEnded || socket.errored !== null);
}
