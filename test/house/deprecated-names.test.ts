import { expect, it } from 'vitest';
import { deprecatedNames, deprecatedNamesIn, installedConventions } from './deprecated-names.ts';
import { PRODUCT, source } from './source.ts';

const NAMES = deprecatedNames();
const MAY = [
  // Reads spans that any instrumentation recorded.
  'packages/trace-tree/src/build-traces.ts',
  // Compares the path of a span of another instrumentation.
  'packages/http-semantics/src/server/http-server-adoption.ts',
  // Lists them, to refuse them in spans.
  'packages/testing/src/rpc/cases/spans.ts',
];

it('checks against the version of the conventions that the schema URL names', () => {
  expect(source('packages/core/src/setup/semantic-conventions.ts').text).toContain(
    `'https://opentelemetry.io/schemas/${installedConventions()}'`,
  );
});

it('records nothing under a name that this version deprecates', () => {
  expect(
    deprecatedNamesIn(
      PRODUCT.filter(({ path }) => !MAY.includes(path)),
      NAMES,
    ),
  ).toEqual([]);
});

it.each(['messaging.system', 'messaging.kafka.offset', 'http.method', 'messaging.receive.duration'])(
  'refuses %s',
  (name) => {
    const file = { path: 'packages/koa/src/wrong.ts', text: `const attributes = { '${name}': 1 };` };
    expect(deprecatedNamesIn([file], NAMES)).toEqual([
      expect.stringMatching(/^packages\/koa\/src\/wrong\.ts:1 '.+': Replaced by `.+`/),
    ]);
  },
);
