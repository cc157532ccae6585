import type { HttpServerOutcome } from '@throughline/http-semantics';
import { isObject } from '../is-object.ts';
import { type HttpEvent, isHttpApi } from './http-event.ts';
import { headersOf, routeOfEvent } from './request-of-event.ts';

/** What the API answers for a result that is no response. */
const BAD_GATEWAY = 502;
/** Payload format 2.0: a result without a status is the body of a response. */
const OK = 200;

/** Returns how the request of `event` ended, with the status that the API makes of `result`. */
export function outcomeOfResult(event: HttpEvent, result: unknown): HttpServerOutcome {
  const response = isObject(result) ? result : {};
  const otherwise = isHttpApi(event) ? OK : BAD_GATEWAY;
  const statusCode = response.statusCode === undefined ? otherwise : Number(response.statusCode);
  const { headers, multiValueHeaders } = response as { headers?: object; multiValueHeaders?: object };
  return {
    statusCode,
    route: routeOfEvent(event),
    header: (name) => headersOf({ ...headers, ...multiValueHeaders })[name],
  };
}
