/**
 * Measures what two changes to OpenTelemetry's SDK would save, which docs/upstream proposes.
 *
 *   node test/bench/upstream.ts
 *
 * Each change is made to a copy of the installed packages, in a folder for temporary files, and measured in a process of its
 * own: bytes allocated and processor time of a span with 7 attributes at its start and 3 later.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const INSTALLED = join(import.meta.dirname, '../../node_modules/@opentelemetry');
const COPIED = ['core', 'sdk-trace'];
const SHARED = ['api', 'resources', 'semantic-conventions'];

interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A primitive cannot contain itself, so nothing has to be remembered while it is checked. */
const NO_WEAK_SET: Change = {
  file: 'core/dist/common/attributes.mjs',
  from: 'return isAnyValueInternal(val,',
  to: 'return typeof val === "string" || typeof val === "number" || typeof val === "boolean" || isAnyValueInternal(val,',
};
/** What was cleaned once, and neither added to nor limited, is clean. */
const ONE_PASS: Change = {
  file: 'sdk-trace/dist/Tracer.mjs',
  from: 'const attrsData2 = cleanAttributes(',
  to: `const attrsData2 = samplingResult.attributes === undefined &&
      this._spanLimits.attributeValueLengthLimit === Infinity &&
      Object.keys(attributes).length <= this._spanLimits.attributeCountLimit ? { attributes } : cleanAttributes(`,
};

const PROGRAM = `
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { TracerProvider } from '@opentelemetry/sdk-trace';
const processor = { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} };
const tracer = new TracerProvider({ spanProcessors: [processor] }).getTracer('upstream');
const PATHS = ['/carts', '/orders', '/items'];
let paths = 0;
function span() {
  const attributes = {
    'http.request.method': 'GET',
    'url.path': PATHS[paths++ % 3],
    'url.scheme': 'https',
    'server.address': 'shop.example',
    'server.port': 443,
    'user_agent.original': 'curl/8',
    'network.protocol.version': '1.1',
  };
  const span = tracer.startSpan('GET', { attributes }, ROOT_CONTEXT);
  span.setAttribute('http.route', '/:collection');
  span.setAttribute('http.response.status_code', 200);
  span.setAttribute('app.cached', true);
  span.end();
}
const SPANS = 20_000;
const middle = (values) => Math.round(values.sort((a, b) => a - b)[values.length >> 1]);
for (let n = 0; n < 300_000; n++) span();
const bytes = [];
const nanoseconds = [];
for (let turn = 0; turn < 9; turn++) {
  gc();
  const heap = process.memoryUsage().heapUsed;
  const cpu = process.cpuUsage();
  for (let n = 0; n < SPANS; n++) span();
  const { user, system } = process.cpuUsage(cpu);
  bytes.push((process.memoryUsage().heapUsed - heap) / SPANS);
  nanoseconds.push(((user + system) * 1000) / SPANS);
}
console.log(JSON.stringify([middle(bytes), middle(nanoseconds)]));
`;

function measure(changes: readonly Change[]): [bytes: number, nanoseconds: number] {
  const folder = mkdtempSync(join(tmpdir(), 'throughline-upstream-'));
  try {
    const scope = join(folder, 'node_modules/@opentelemetry');
    mkdirSync(scope, { recursive: true });
    for (const name of COPIED) cpSync(join(INSTALLED, name), join(scope, name), { recursive: true });
    for (const name of SHARED) symlinkSync(join(INSTALLED, name), join(scope, name));
    for (const { file, from, to } of changes) {
      const text = readFileSync(join(scope, file), 'utf8');
      assert.equal(text.split(from).length, 2, `${file} has ${from} once`);
      writeFileSync(
        join(scope, file),
        text.replace(from, () => to),
      );
    }
    const program = join(folder, 'program.mjs');
    writeFileSync(program, PROGRAM);
    const flags = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'];
    return JSON.parse(execFileSync(process.execPath, [...flags, program], { encoding: 'utf8' }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const version = JSON.parse(readFileSync(join(INSTALLED, 'sdk-trace/package.json'), 'utf8')).version;
console.log(`| @opentelemetry/sdk-trace ${version}, Node ${process.version} | bytes | ns |\n|---|---:|---:|`);
for (const [title, changes] of [
  ['as installed', []],
  ['no WeakSet for primitives', [NO_WEAK_SET]],
  ['one pass when the sampler adds nothing', [ONE_PASS]],
  ['both', [NO_WEAK_SET, ONE_PASS]],
] as const)
  console.log(`| ${title} | ${measure(changes).join(' | ')} |`);
