/** A request that a case has the client send. */
export interface ClientRequest {
  /** @default "GET" */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** What a case reads of a response. */
export interface ClientResponse {
  readonly status: number;
  text(): Promise<string>;
}

/** A client that a spec file made for one case. */
export interface HttpClientUnderTest {
  /**
   * Sends one request and resolves when the head of a response with any status is in; rejects when none came.
   * Follows redirects if the client does.
   */
  request(url: string, request?: ClientRequest): Promise<ClientResponse>;
  /** The client itself, if it has the shape of the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** The classes that go with `fetch`. @default the platform's own */
  readonly classes?: { readonly Request: typeof Request; readonly Response: typeof Response };
  /** Closes its connections. */
  close?(): unknown;
}
