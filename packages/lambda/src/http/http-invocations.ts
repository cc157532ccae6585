import type { Attributes } from '@opentelemetry/api';
import type { Scope } from '@throughline/core/seam';
import { guarded } from '@throughline/core/seam';
import {
  createHttpServerTracer,
  type HttpServerOptions,
  type HttpServerRequest,
} from '@throughline/http-semantics';
import type { Invocation } from '../invocation.ts';
import type { HttpEvent } from './http-event.ts';
import { outcomeOfResult } from './outcome-of-result.ts';
import { requestOfEvent, routeOfEvent } from './request-of-event.ts';

/** Returns a function that starts the invocation of a request by HTTP. */
export function httpInvocations(
  options: Omit<HttpServerOptions, 'attributes'>,
  scope: Scope,
): (event: HttpEvent, attributes: Attributes) => Invocation {
  const ofInvocation = new WeakMap<HttpServerRequest, Attributes>();
  const tracer = createHttpServerTracer(
    { ...options, attributes: (request) => ofInvocation.get(request) ?? {} },
    scope,
  );
  return (event, attributes) => {
    const request = requestOfEvent(event);
    ofInvocation.set(request, attributes);
    const exchange = tracer.start(request);
    return {
      run: (handle) => exchange.run(handle),
      succeed(result) {
        const outcome = guarded('a result could not be read', () => outcomeOfResult(event, result));
        exchange.end(outcome ?? {});
      },
      fail(error) {
        exchange.fail(error);
        exchange.end({ route: guarded('a route could not be read', () => routeOfEvent(event)) });
      },
    };
  };
}
