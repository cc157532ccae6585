import assert from 'node:assert/strict';
import { SpanKind } from '@opentelemetry/api';
import { within } from '../kit/deadline.ts';
import type { RecordedSpan } from '../kit/recorded-span.ts';
import { runStagedCase } from '../kit/run-staged-case.ts';
import { graphqlApplication } from './graphql-application.ts';
import type { GraphqlCase, GraphqlWorld } from './graphql-case.ts';
import type { GraphqlConformanceOptions, ServedGraphql } from './graphql-conformance-options.ts';
import { subscribeBySse } from './server-sent-events.ts';

const isRequest = ({ kind, attributes }: RecordedSpan) =>
  kind === SpanKind.SERVER && attributes['http.request.method'] !== undefined;

/** Runs one case against a server of its own. */
export function runGraphqlCase(one: GraphqlCase, options: GraphqlConformanceOptions): Promise<void> {
  const served: ServedGraphql[] = [];
  const sightings: string[] = [];
  const main = () => {
    const [first] = served;
    assert.ok(first, 'nothing is served');
    return first;
  };
  return runStagedCase(one, options, (base) => {
    const world: GraphqlWorld = {
      ...base,
      options,
      sightings,
      async serve(traceOptions) {
        const application = graphqlApplication(sightings, options);
        const server = await options.serve({ ...application, traceOptions });
        served.push(server);
        return server;
      },
      async post(asked, headers = {}, to = main()) {
        const call = async () => {
          const response = await fetch(to.url, {
            method: 'POST',
            headers: { 'content-type': 'application/json', connection: 'close', ...headers },
            body: JSON.stringify(asked),
          });
          return { status: response.status, text: await response.text() };
        };
        return within(call(), () => 'an answer');
      },
      async ask(query, more, headers) {
        return JSON.parse((await world.post({ query, ...more }, headers)).text);
      },
      subscribe: (query) => main().subscribe?.(query) ?? subscribeBySse(main().url, query),
      operation: () => base.spans.take((span) => span.kind === SpanKind.SERVER && !isRequest(span)),
      request: () => base.spans.take(isRequest),
    };
    return {
      world,
      async open() {
        await world.serve(one.traceOptions?.(world) ?? {});
      },
      async close() {
        for (const server of served) await server.close();
      },
      assertClean() {},
    };
  });
}
