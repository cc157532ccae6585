import type { OriginServer } from '../kit/origin-server.ts';
import type { RecordedSpan } from '../kit/recorded-span.ts';
import type { CaseWorld, StagedCase } from '../kit/staged-case.ts';
import type {
  HttpClientCapability,
  HttpClientConformanceOptions,
  HttpClientTraceOptions,
} from './http-client-conformance-options.ts';
import type { ClientRequest, ClientResponse, HttpClientUnderTest } from './http-client-under-test.ts';

/** One sentence of the client specification before it is bound to a client. */
export type HttpClientCase = StagedCase<HttpClientWorld, HttpClientCapability, HttpClientTraceOptions>;

/** What a client case uses. */
export interface HttpClientWorld extends CaseWorld {
  readonly options: HttpClientConformanceOptions;
  /** The server that the client calls. */
  readonly origin: OriginServer;
  /** A server at another origin, for redirects. */
  readonly elsewhere: OriginServer;
  readonly client: HttpClientUnderTest;
  /** Whether the client makes spans. */
  readonly traced: boolean;
  /** The client as a `fetch`; throws when it is none. */
  readonly fetch: typeof fetch;
  /** Makes another client, closed with the case. */
  connect(traceOptions: HttpClientTraceOptions): Promise<HttpClientUnderTest>;
  /** Calls the origin. */
  call(path: string, request?: ClientRequest): Promise<ClientResponse>;
  /** Calls the origin and reads the response to its end. */
  read(path: string, request?: ClientRequest): Promise<string>;
  /** Takes the next ended CLIENT span. */
  clientSpan(): Promise<RecordedSpan>;
  /** Takes the CLIENT span if the client makes spans. */
  clientSpanIfTraced(): Promise<RecordedSpan | undefined>;
}
