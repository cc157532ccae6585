import assert from 'node:assert/strict';
import { type Context, context, propagation, type SpanContext, trace } from '@opentelemetry/api';
import { within } from '../kit/deadline.ts';
import { withResolvers } from '../kit/gate.ts';
import type { ArrivedRequest } from './http-server-conformance-options.ts';

/** The context that an endpoint saw, and where. */
export interface Sighting {
  readonly label: string;
  /** The `x-request` header of the request, which distinguishes the requests of a case. */
  readonly request: string;
  readonly spanContext: SpanContext | undefined;
  readonly context: Context;
  readonly baggage: Readonly<Record<string, string>>;
}

/** What the endpoints of one case saw, in order. */
export interface Sightings {
  readonly list: readonly Sighting[];
  /** Records which context is active here. */
  add(label: string, req: ArrivedRequest): void;
  /** Returns the first sighting with this label, and of this request if given; waits for it. */
  first(label: string, request?: string): Promise<Sighting>;
  /** Throws an `AssertionError` when a request reached the server in the context of another. */
  assertNoneOutside(): void;
}

/** The label of what is seen before anything of the adapter runs. */
export const OUTSIDE = 'outside';

/** Returns an empty list of sightings. */
export function createSightings(): Sightings {
  const list: Sighting[] = [];
  let added = withResolvers<void>();
  return {
    list,
    add(label, req) {
      const active = context.active();
      const entries = propagation.getBaggage(active)?.getAllEntries() ?? [];
      list.push({
        label,
        request: String(req.headers['x-request'] ?? ''),
        spanContext: trace.getSpanContext(active),
        context: active,
        baggage: Object.fromEntries(entries.map(([key, { value }]) => [key, value])),
      });
      added.resolve();
      added = withResolvers();
    },
    first(label, request) {
      const search = async (): Promise<Sighting> => {
        for (;;) {
          const found = list.find(
            (sighting) => sighting.label === label && (request ?? sighting.request) === sighting.request,
          );
          if (found) return found;
          await added.promise;
        }
      };
      return within(search(), () => `the endpoint to reach '${label}'`);
    },
    assertNoneOutside() {
      for (const { label, request, spanContext } of list) {
        if (label !== OUTSIDE) continue;
        assert.equal(
          spanContext,
          undefined,
          `request '${request}' arrived in a context left active by another`,
        );
      }
    },
  };
}
