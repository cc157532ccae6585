import type { Attributes } from '@opentelemetry/api';
import type { HttpServerOptions } from '@throughline/http-semantics';

/**
 * Options of {@link tracedHandler}. Those of HTTP servers hold for invocations by HTTP; the providers and the propagator, for
 * every invocation.
 */
export interface LambdaOptions
  extends Omit<HttpServerOptions, 'attributes' | 'activeRequests' | 'exposeTrace' | 'selfCheck'> {
  /**
   * Returns more attributes for the span. Called before the span starts, with the event and the context of the invocation, so
   * that samplers see them. Default: there are no more.
   */
  readonly attributes?: ((invocation: { event: unknown; context: unknown }) => Attributes) | undefined;
  /**
   * How long, in milliseconds, the answer waits at most for spans and measurements to be exported. It never waits longer than
   * the invocation's remaining time, less 100 ms. `0`: it does not wait, and nothing is flushed. Default: `2000`.
   */
  readonly flushTimeout?: number | undefined;
}
