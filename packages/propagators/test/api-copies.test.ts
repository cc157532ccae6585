import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ROOT_CONTEXT, type TextMapGetter, type TextMapSetter, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@throughline/propagators';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const FORMATS = ['tracecontext', 'baggage', 'b3', 'b3multi', 'jaeger', 'xray', 'grpc-trace-bin'];

/** What an application does with the API alone: no getter, no setter, and a carrier that is no plain object. */
const PROGRAM = `
const { context, propagation, trace, ROOT_CONTEXT } = api;
const spanContext = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };
const baggage = propagation.createBaggage({ tenant: { value: 'acme' } });
const active = propagation.setBaggage(trace.setSpanContext(ROOT_CONTEXT, spanContext), baggage);
const results = {};
for (const name of ${JSON.stringify(FORMATS)}) {
  propagation.disable();
  propagation.setGlobalPropagator(propagators.createPropagator(name));
  const make = { Headers: () => new Headers(), Map: () => new Map(), pairs: () => [] };
  for (const form in make) {
    const carrier = make[form]();
    propagation.inject(active, carrier);
    const entries = [...carrier].length;
    const found = propagation.extract(ROOT_CONTEXT, carrier);
    results[name + ' in ' + form] =
      entries > 0 &&
      (trace.getSpanContext(found)?.traceId === spanContext.traceId ||
        propagation.getBaggage(found)?.getEntry('tenant')?.value === 'acme');
  }
}
console.log(JSON.stringify(results));
`;
const COMMON_JS = `const api = require('@opentelemetry/api'); const propagators = require('@throughline/propagators');`;
const ES_MODULE = `import * as api from '@opentelemetry/api'; import * as propagators from '@throughline/propagators';`;

describe.each([
  ['1.9', require.resolve('api-1.9')],
  ['1.10', require.resolve('@opentelemetry/api')],
])('the default getter and setter of API %s are known', (version, installed) => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'throughline-api-'));
    const modules = join(folder, 'node_modules');
    await mkdir(join(modules, '@opentelemetry'), { recursive: true });
    await symlink(folderOf(installed), join(modules, '@opentelemetry/api'), 'junction');
    for (const name of ['guard', 'carrier', 'propagators']) {
      const own = folderOf(fileURLToPath(import.meta.resolve(`@throughline/${name}`)));
      for (const part of ['dist', 'package.json'])
        await cp(join(own, part), join(modules, '@throughline', name, part), { recursive: true });
    }
    await writeFile(join(folder, 'program.cjs'), COMMON_JS + PROGRAM);
    await writeFile(join(folder, 'program.mjs'), ES_MODULE + PROGRAM);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each(['program.cjs', 'program.mjs'])('%s', async (program) => {
    const version_ = require(join(folderOf(installed), 'package.json')).version as string;
    expect(version_.startsWith(`${version}.`)).toBe(true);
    const { stdout } = await run(process.execPath, [join(folder, program)]);
    const results = JSON.parse(stdout) as Record<string, boolean>;
    expect(Object.keys(results)).toHaveLength(3 * FORMATS.length);
    expect(Object.entries(results).filter(([, works]) => !works)).toEqual([]);
  });
});

const isNone = (carrier: unknown) => carrier === undefined || carrier === null;

describe('a getter or setter of the user is left in place', () => {
  const propagator = new W3CTraceContextPropagator();
  const context = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags: 1,
  });

  test.each<[string, (seen: string[]) => TextMapGetter]>([
    [
      'reads beside the carrier',
      () => ({ keys: () => [], get: (_, name) => ({ traceparent: TRACEPARENT })[name] }),
    ],
    [
      'keeps a log',
      (seen) => ({
        keys: (carrier) => (isNone(carrier) ? [] : Object.keys(carrier)),
        get(carrier, name) {
          seen.push(name);
          return isNone(carrier) ? undefined : (carrier as Record<string, string>)[name];
        },
      }),
    ],
    [
      'prefixes names',
      () => ({
        keys: () => [],
        get(carrier: Record<string, string>, name) {
          if (carrier === undefined || carrier === null) return undefined;
          return carrier[`x-${name}`];
        },
      }),
    ],
  ])('a getter that %s', (_, make) => {
    const seen: string[] = [];
    const extracted = propagator.extract(
      ROOT_CONTEXT,
      { traceparent: TRACEPARENT, 'x-traceparent': TRACEPARENT, Traceparent: 'other' },
      make(seen),
    );
    expect(trace.getSpanContext(extracted)?.traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    expect(seen.filter((name) => name !== 'traceparent' && name !== 'tracestate')).toEqual([]);
  });

  test('setters are called for what is injected and for nothing else', () => {
    const calls: string[] = [];
    const sent: Record<string, string> = {};
    const setters: TextMapSetter[] = [
      { set: (_carrier, name) => calls.push(name) },
      {
        set(_carrier, name, value) {
          sent[name] = value;
        },
      },
    ];
    for (const setter of setters) propagator.inject(context, {}, setter);
    expect(calls).toEqual(['traceparent']);
    expect(sent).toEqual({ traceparent: TRACEPARENT });
  });
});

/** The folder of the package that this file belongs to. */
function folderOf(file: string): string {
  return file.slice(0, Math.max(file.lastIndexOf('/dist/'), file.lastIndexOf('/build/')));
}
