import { isObject } from '../is-object.ts';

/** Members of the events by which HTTP requests arrive, as used here. Both forms of headers may be there, or `null`. */
interface HeadersOfEvent {
  readonly headers?: { readonly [name: string]: string | undefined } | null;
  readonly multiValueHeaders?: { readonly [name: string]: readonly string[] | undefined } | null;
}

/** API Gateway's REST APIs and its payload format 1.0. */
export interface RestEvent extends HeadersOfEvent {
  readonly httpMethod: string;
  /** The template that matched: `/items/{id}`. */
  readonly resource?: string | null;
  readonly path?: string;
  /** Decoded. */
  readonly queryStringParameters?: { readonly [name: string]: string | undefined } | null;
  readonly multiValueQueryStringParameters?: {
    readonly [name: string]: readonly string[] | undefined;
  } | null;
  readonly requestContext: {
    /** With the stage. */
    readonly path?: string;
    readonly protocol?: string;
    readonly domainName?: string;
    readonly identity?: { readonly sourceIp?: string | null } | null;
  };
}

/** An Application Load Balancer. Its query parameters arrive as they were sent. */
export interface LoadBalancerEvent extends Omit<RestEvent, 'requestContext'> {
  readonly requestContext: { readonly elb: object };
}

/** API Gateway's HTTP APIs with payload format 2.0, and Function URLs. */
export interface HttpApiEvent extends Omit<HeadersOfEvent, 'multiValueHeaders'> {
  readonly version: string;
  /** `GET /items/{id}`, or `$default`. */
  readonly routeKey?: string | null;
  readonly rawPath?: string;
  readonly rawQueryString?: string;
  /** Taken out of the headers. */
  readonly cookies?: readonly string[] | null;
  readonly requestContext: {
    readonly domainName?: string;
    readonly http: {
      readonly method: string;
      readonly path?: string;
      readonly protocol?: string;
      readonly sourceIp?: string;
    };
  };
}

export type HttpEvent = RestEvent | LoadBalancerEvent | HttpApiEvent;

/** Returns `event` if it is the event of a request by HTTP, or else `undefined`. */
export function httpEventIn(event: unknown): HttpEvent | undefined {
  if (!isObject(event) || !isObject(event.requestContext)) return undefined;
  const { http } = event.requestContext;
  const is = typeof event.httpMethod === 'string' || (isObject(http) && typeof http.method === 'string');
  return is ? (event as unknown as HttpEvent) : undefined;
}

export const isHttpApi = (event: HttpEvent): event is HttpApiEvent => 'http' in event.requestContext;

export const isLoadBalancer = (event: HttpEvent): event is LoadBalancerEvent => 'elb' in event.requestContext;
