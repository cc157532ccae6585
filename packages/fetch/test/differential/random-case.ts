import fc from 'fast-check';
import { BODIES, HEADERS, LOCATIONS, SETTINGS } from './cases.ts';
import type { DifferentialCase, Ingredients } from './compare.ts';

const named = (from: object) => fc.constantFrom(...Object.keys(from));
const setting = (name: string) => fc.constantFrom(...(SETTINGS[name] ?? []));

/** What a random call is made of: names only, so that each of the two calls gets its own objects. */
interface Plan {
  readonly as: 'init' | 'Request' | 'Request and init' | 'init as Request';
  readonly init: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly headers: string | undefined;
  readonly inherited: boolean;
  readonly chain: readonly (readonly [status: number, location: string])[];
  readonly last: number;
}

const PLAN: fc.Arbitrary<Plan> = fc.record({
  as: fc.constantFrom('init', 'Request', 'Request and init', 'init as Request'),
  init: fc.record(
    {
      method: fc.constantFrom('GET', 'post', 'PUT', 'DELETE', 'HEAD', 'PURGE'),
      mode: fc.constantFrom('cors', 'same-origin'),
      redirect: setting('redirect'),
      credentials: setting('credentials'),
      cache: fc.constantFrom('default', 'no-store', 'reload'),
      referrerPolicy: setting('referrerPolicy'),
      referrer: fc.constantFrom('about:client', '', 'http://127.0.0.1/from'),
      integrity: setting('integrity'),
      duplex: fc.constant('half'),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<Record<string, string>>,
  body: fc.option(named(BODIES), { nil: undefined }),
  headers: fc.option(named(HEADERS), { nil: undefined }),
  inherited: fc.boolean(),
  chain: fc.array(fc.tuple(fc.constantFrom(301, 302, 303, 307, 308), named(LOCATIONS)), { maxLength: 3 }),
  last: fc.constantFrom(200, 204, 304, 404, 500),
});

function caseOf(plan: Plan): DifferentialCase {
  const initOf = (from: Ingredients) => {
    const init = {
      ...plan.init,
      ...(plan.body !== undefined && { body: BODIES[plan.body]?.(from) }),
      ...(plan.headers !== undefined && { headers: HEADERS[plan.headers]?.(from) }),
    };
    return plan.inherited ? Object.create(init) : init;
  };
  return {
    title: JSON.stringify(plan),
    args(from) {
      const { Request, here } = from;
      const url = `${here}/start?a=b#part`;
      const base = { method: 'POST', body: 'base', headers: { 'X-Base': '1' } };
      // A Request that cannot be made has nothing to compare; then its init is passed as it is.
      const request = (init?: RequestInit) => {
        try {
          return new Request(url, init);
        } catch {
          return undefined;
        }
      };
      if (plan.as === 'Request') return [request(initOf(from)) ?? url];
      if (plan.as === 'Request and init') return [request(base), initOf(from)];
      return [url, plan.as === 'init' ? initOf(from) : (request(initOf(from)) ?? initOf(from))];
    },
    answers: (origins) => [
      ...plan.chain.map(([status, location]) => ({
        status,
        fields: [['location', LOCATIONS[location]?.(origins) ?? '']] as const,
        body: 'moved',
      })),
      { status: plan.last, body: 'done' },
    ],
  };
}

/** Calls put together at random from the parts of the table. */
export const RANDOM_CASE: fc.Arbitrary<DifferentialCase> = PLAN.map(caseOf);
