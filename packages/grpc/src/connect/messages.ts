/** A request of `@connectrpc/connect` on its way through interceptors: the members that are used here. */
export interface ConnectRequestLike {
  readonly url: string;
  readonly header: Headers;
  readonly signal: AbortSignal;
  readonly service: { readonly typeName: string };
  readonly method: { readonly name: string };
}

/** A response on its way back. */
export interface ConnectResponseLike {
  readonly stream: boolean;
  readonly message: object;
}

/** An interceptor of `@connectrpc/connect`. */
export type ConnectInterceptor = <Request extends ConnectRequestLike, Response extends ConnectResponseLike>(
  next: (request: Request) => Promise<Response>,
) => (request: Request) => Promise<Response>;
