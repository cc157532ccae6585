import { guarded } from '@throughline/core/seam';
import type { ServerCallLike, StatusLike } from './calls.ts';
import { statusName } from './status-names.ts';

/** The stream of `node:http2` that answers a call. */
interface StreamLike {
  readonly sentHeaders?: Readonly<Record<string, unknown>>;
  readonly sentTrailers?: Readonly<Record<string, unknown>>;
}

/** A call of the library, or one that another interceptor put around it. */
interface LayeredCall {
  readonly stream?: StreamLike;
  readonly nextCall?: LayeredCall;
}

const MAX_LAYERS = 32;
const STATUS = 'grpc-status';

/**
 * Returns the status with which a call ended: the one that was sent to the client or, if none was, why.
 *
 * The library sends statuses of its own, for a message that is too large or cannot be read and for a deadline, and shows
 * them to no interceptor. The stream knows them (ADR 54).
 *
 * @param answered The handler's status, which counts where the stream cannot be seen.
 */
export function endStatus(call: ServerCallLike, answered: StatusLike | undefined): string {
  const stream = guarded('a call of gRPC could not be read', () => streamOf(call));
  const sent = stream === undefined ? answered?.code : (stream.sentTrailers ?? stream.sentHeaders)?.[STATUS];
  if (sent !== undefined) return statusName(sent);
  return Number(call.getDeadline()) <= Date.now() ? 'DEADLINE_EXCEEDED' : 'CANCELLED';
}

function streamOf(call: ServerCallLike): StreamLike | undefined {
  let layer: LayeredCall | undefined = call as LayeredCall;
  for (let depth = 0; layer !== undefined && depth < MAX_LAYERS; depth++) {
    if (layer.stream !== undefined) return layer.stream;
    layer = layer.nextCall;
  }
  return undefined;
}
