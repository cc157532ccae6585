import type { EndpointCall, HttpServerSetup, ServedElsewhere } from '@throughline/testing';
import { type AnswerEndpoint, responseOf } from './web.ts';

/** Bun, as far as it is used here. */
declare const Bun: {
  serve(options: object): { readonly port: number; stop(closeConnections: boolean): Promise<void> };
};

/** Deno, as far as it is used here. */
declare const Deno: {
  serve(
    options: object,
    handler: (request: Request, info: object) => Response | Promise<Response>,
  ): { readonly addr: { readonly port: number }; readonly finished: Promise<void> };
};

type Handler = (
  setup: HttpServerSetup,
  answer: AnswerEndpoint<object>,
) => (request: Request, environment: object) => Response | Promise<Response>;

/** Serves with `Bun.serve`. */
export function overBun(handler: Handler) {
  return (setup: HttpServerSetup): ServedElsewhere => {
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      idleTimeout: 0,
      fetch: noting(setup, handler),
    });
    return { port: server.port, close: () => server.stop(true) };
  };
}

/** Serves with `Deno.serve`. */
export function overDeno(handler: Handler) {
  return (setup: HttpServerSetup): ServedElsewhere => {
    const closing = new AbortController();
    const options = { port: 0, hostname: '127.0.0.1', signal: closing.signal, onListen() {} };
    const server = Deno.serve(options, noting(setup, handler));
    return {
      port: server.addr.port,
      close() {
        closing.abort();
        return server.finished;
      },
    };
  };
}

function noting(setup: HttpServerSetup, handler: Handler) {
  const handle = handler(setup, answerElsewhere);
  return (request: Request, environment: object) => {
    setup.noteArrival({ headers: Object.fromEntries(request.headers) });
    return handle(request, environment);
  };
}

/** Answers with an endpoint, with stand-ins for Node's request and response. */
const answerElsewhere: AnswerEndpoint<object> = async (endpoint, { request, params }) => {
  const headers = Object.fromEntries(request.headers);
  const written = new WrittenResponse();
  // The casts: the endpoints that are called here use no more of them.
  const call = {
    req: { headers, url: request.url } as unknown as EndpointCall['req'],
    res: written as unknown as EndpointCall['res'],
    params,
  };
  if (endpoint.style === 'raw') {
    // It may write on when its client has left.
    Promise.resolve(endpoint.handle(call)).catch(() => {});
    return written.response;
  }
  const body = endpoint.method === 'POST' ? JSON.parse(await request.text()) : undefined;
  return responseOf(await endpoint.handle({ ...call, body }));
};

/** What an endpoint writes as to Node's response, as a response of the Fetch API. */
class WrittenResponse {
  readonly response: Promise<Response>;
  #begin: (response: Response) => void = () => {};
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor() {
    this.response = new Promise((resolve) => {
      this.#begin = resolve;
    });
  }

  on(event: string, listener: () => void): void {
    if (event === 'close') setImmediate(listener);
  }

  writeHead(status: number, headers: Record<string, string>): void {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#body = controller;
      },
    });
    this.#begin(new Response(body, { status, headers }));
  }

  write(text: string): boolean {
    this.#body?.enqueue(new TextEncoder().encode(text));
    return true;
  }

  end(): void {
    this.#body?.close();
  }

  destroy(error: unknown): void {
    this.#body?.error(error);
  }
}
