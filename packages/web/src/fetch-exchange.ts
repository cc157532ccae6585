import { guarded } from '@throughline/core/seam';
import type { ServedRoute } from '@throughline/http';
import type { HttpServerExchange, HttpServerOutcome, HttpServerTracer } from '@throughline/http-semantics';
import { exposeTrace } from './expose-trace.ts';
import { type BodyEnd, followBody } from './follow-body.ts';
import { isStreamed } from './is-streamed.ts';
import { requestRecord } from './request-record.ts';

/**
 * Ends the exchange of a request where the runtime does not show what became of the response.
 *
 * While the handler works, the request's signal says that the client has left. A body that is complete when the handler
 * returns is in the runtime's hands then, and the exchange ends. A stream is followed to its end.
 */
export class FetchExchange {
  readonly exchange: HttpServerExchange;
  readonly #options: HttpServerTracer['options'];
  readonly #request: Request;
  #route: (() => ServedRoute) | undefined;
  readonly #signal: AbortSignal | undefined;

  constructor(
    tracer: HttpServerTracer,
    request: Request,
    environment: unknown,
    route: (() => ServedRoute) | undefined,
  ) {
    this.exchange = tracer.start(requestRecord(request, environment));
    this.#options = tracer.options;
    this.#request = request;
    this.#route = route;
    this.#signal = guarded('the signal of a request could not be watched', () => {
      const { signal } = request;
      signal?.addEventListener('abort', this);
      return signal;
    });
  }

  /** Lets `route` name the route, unless a server before did. Returns whether it does. */
  takeRoute(route: () => ServedRoute): boolean {
    if (this.#route !== undefined) return false;
    this.#route = route;
    return true;
  }

  /** Called by the signal: the client has left before it got an answer. */
  handleEvent(): void {
    this.#end({ cutShort: 'client_disconnected' });
  }

  /** Returns the response that the runtime is to send. */
  answered(response: Response): Response {
    this.#stopListening();
    const expose = () => exposeTrace(response, this.exchange, this.#options);
    const exposing = guarded('options.exposeTrace could not add its header', expose, response);
    const followed = guarded('the end of a response cannot be seen', () => this.#follow(exposing));
    if (followed !== undefined) return followed;
    this.#end({});
    return exposing;
  }

  /** The handler threw. What the runtime answers then is not shown. */
  failed(error: unknown): void {
    this.#stopListening();
    this.exchange.fail(error);
    this.#end({ cutShort: this.#hasLeft ? 'client_disconnected' : undefined });
  }

  #follow(response: Response): Response {
    const { status: statusCode } = response;
    const sent = { statusCode, header: (name: string) => response.headers.get(name) ?? undefined };
    // Runtimes cancel the body that answers HEAD.
    if (this.#request.method === 'HEAD' || !isStreamed(response)) {
      this.#end(sent);
      return response;
    }
    return followBody(response, this.exchange.context, (end) => {
      if (end.error !== undefined) this.exchange.fail(end.error);
      this.#end({ ...sent, cutShort: this.#cutShort(end) });
    });
  }

  get #hasLeft(): boolean {
    return this.#signal?.aborted === true;
  }

  #cutShort({ how }: BodyEnd): HttpServerOutcome['cutShort'] {
    if (how === 'complete') return undefined;
    if (how === 'cancelled' || this.#hasLeft) return 'client_disconnected';
    return 'response_destroyed';
  }

  /** From now on the body shows it, and Deno's signal also fires when all went well. */
  #stopListening(): void {
    this.#signal?.removeEventListener('abort', this);
  }

  #end(outcome: HttpServerOutcome): void {
    const served = this.#route && guarded('the route could not be read', this.#route);
    const named = typeof served === 'object' ? served : { route: served };
    this.exchange.end({ ...outcome, ...named });
  }
}
