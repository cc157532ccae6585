import { context, propagation, trace } from '@opentelemetry/api';
import { inApplicationSpan } from './application-span.ts';
import type { GraphqlApplication, GraphqlConformanceOptions } from './graphql-conformance-options.ts';

const TYPE_DEFS = `
type Query {
  greeting(name: String): String
  seen: String
  sent: String
  people: [Person]
  fail: String
  failQuoting: String
}
type Person { name: String }
type Mutation { rename(name: String): String }
type Subscription { ticks(count: Int, failAt: Int): Int }
`;

/** What a resolver sees of its context, after promises and timers. */
async function sighting(): Promise<string> {
  await new Promise((next) => setImmediate(next));
  await new Promise((next) => setTimeout(next, 1));
  return sightingNow();
}

function sightingNow(): string {
  const { traceId, spanId } = trace.getSpanContext(context.active()) ?? {};
  const tenant = propagation.getActiveBaggage()?.getEntry('tenant')?.value;
  return [traceId, spanId, tenant].join(' ');
}

/** Returns the application of one case. */
export function graphqlApplication(
  sightings: string[],
  { createLoader, outgoingFields }: GraphqlConformanceOptions,
): GraphqlApplication {
  const loader = createLoader?.(async (keys) => {
    sightings.push(await sighting());
    return keys.map((key) => `person ${key}`);
  });
  return {
    typeDefs: TYPE_DEFS,
    resolvers: {
      Query: {
        greeting: (_: unknown, { name = 'you' }: { name?: string }) => `hello ${name}`,
        seen: () => sighting(),
        sent: async () => {
          await new Promise((next) => setImmediate(next));
          return JSON.stringify(outgoingFields());
        },
        people: () => [{ key: 'a' }, { key: 'b' }, { key: 'c' }],
        fail: async () => {
          await new Promise((next) => setImmediate(next));
          throw new RangeError('no such thing');
        },
        failQuoting: () => {
          throw new Error('https://me:hidden-word@example.com refused');
        },
      },
      Person: {
        name: ({ key }: { key: string }) =>
          inApplicationSpan(`ask ${key}`, async () => (loader === undefined ? key : loader.load(key))),
      },
      Mutation: { rename: (_: unknown, { name }: { name?: string }) => name },
      Subscription: {
        ticks: {
          async *subscribe(_: unknown, { count }: { count: number }) {
            try {
              for (let tick = 1; tick <= count; tick += 1) {
                sightings.push(await sighting());
                yield { ticks: tick };
              }
            } finally {
              sightings.push('over');
            }
          },
          resolve({ ticks }: { ticks: number }, { failAt }: { failAt?: number }) {
            sightings.push(sightingNow());
            if (ticks === failAt) throw new RangeError('no such tick');
            return ticks;
          },
        },
      },
    },
  };
}
