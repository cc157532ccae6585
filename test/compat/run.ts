// Runs the conformance kit from packed tarballs on every line of Node, SDK and framework that we support, and
// writes docs/compatibility.md from what came out, with a table of other tracers that run beside us. Exits 1 when a case
// failed anywhere.
import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { type Installation, installPacked } from '../dist/packed-packages.ts';
import { testCoexistence } from './coexistence/coexistence.ts';
import {
  FRAMEWORKS,
  GRAPHQL_LIBRARIES,
  NODE_LINES,
  RPC_LIBRARIES,
  RUNTIMES,
  SDK_LINES,
  type SdkLine,
  SOCKET_LIBRARIES,
  WORKER_FLAGS,
  WORKER_LIBRARIES,
} from './lines.ts';
import { checkWorker } from './on-workers.ts';

const HERE = import.meta.dirname;
const REPOSITORY = join(HERE, '../..');
const ADAPTERS = [
  'express 5',
  'express 4',
  'fastify 5',
  'fastify 4',
  'koa 3',
  'koa 2',
  'node:http',
  'node:https',
  'node:http2',
  'node:http2 tls',
  'fetch handler on Node',
  'hono on Node',
  'tracedFetch',
  'tracedFetch beside fetch',
  '@grpc/grpc-js',
  '@connectrpc/connect (gRPC)',
  'graphql-yoga',
  'Apollo Server 5',
  'Apollo Server 4',
  'mercurius',
  'ws, JSON',
  'ws, envelope',
  'ws, graphql-ws',
  'WebSocket of Node, JSON',
  'Socket.IO, polling',
  'Socket.IO, websocket',
  'threads and processes',
] as const;

/** Whether this line of Node has what an adapter traces. */
const isThere = (adapter: string, major: number) => !adapter.startsWith('WebSocket of Node') || major >= 22;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** The counts of an adapter on a line of Node that does not have what it traces. */
const NOT_THERE: Counts = { passed: 0, failed: 0, skipped: 0 };

/** The program that a package of npm brings; kept between runs. */
async function programOf(name: string, version: string): Promise<string> {
  const folder = join(tmpdir(), `throughline-${name}-${version}`);
  const program = join(folder, 'node_modules/.bin', name);
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ private: true, allowScripts: { [name]: true } }),
    );
    await promisify(execFile)(
      'npm',
      ['install', '--no-audit', '--no-fund', '--silent', `${name}@${version}`],
      {
        cwd: folder,
      },
    );
  }
  return program;
}

/** Bundles the spec for Node's own test runner. */
function bundleSpec(installation: Installation, sdk: SdkLine): Promise<string> {
  return bundle(
    installation,
    'conformance.mjs',
    `
        import { describe, it } from 'node:test';
        import { createTracedFetch } from '@throughline/fetch';
        import { defineGraphqlConformance, defineHttpClientConformance, defineHttpServerConformance, defineRpcConformance, defineSocketConformance } from '@throughline/testing';
        import { defineFetchDifferential } from '../conformance/fetch-differential.ts';
        import { graphqlServer } from '../conformance/graphql/graphql-servers.ts';
        import { PATIENCE as deadline } from '../conformance/patience.ts';
        import { serverAdapter } from '../conformance/server-adapters.ts';
        import { connectLibrary, grpcLibrary } from '../../packages/grpc/test/rpc-libraries.ts';
        import { SOCKET_LIBRARIES } from '../../packages/websocket/test/socket-libraries.ts';
        import { ${sdk.name} as sdk } from '${bindingOf(sdk)}';
        import { beSide, defineWorkers } from './workers.ts';
        export { look } from './workers.ts';
        const adapter = process.env.ADAPTER;
        const sockets = SOCKET_LIBRARIES[adapter];
        if (process.env.SIDE) beSide(process.env.SIDE, sdk);
        else if (adapter === 'threads and processes') defineWorkers({ describe, it }, sdk, import.meta.filename);
        else if (sockets) defineSocketConformance({ describe, it }, { ...sockets, sdk, deadline });
        else if (adapter === 'tracedFetch beside fetch') defineFetchDifferential(sdk);
        else if (adapter === '@grpc/grpc-js') defineRpcConformance({ describe, it }, { ...grpcLibrary(sdk), deadline });
        else if (adapter === '@connectrpc/connect (gRPC)') defineRpcConformance({ describe, it }, { ...connectLibrary('grpc', '2', sdk), deadline });
        else if (/yoga|Apollo|mercurius/.test(adapter)) defineGraphqlConformance({ describe, it }, { ...graphqlServer(adapter, sdk), deadline });
        else if (adapter === 'tracedFetch') defineHttpClientConformance({ describe, it }, {
          name: adapter,
          sdk,
          deadline,
          connect(traceOptions) {
            const fetch = createTracedFetch(traceOptions);
            return { request: fetch, fetch };
          },
        });
        else defineHttpServerConformance({ describe, it }, serverAdapter(adapter, sdk));`,
  );
}

/** Bundles the spec for a runtime whose own test runner is not asked for. */
function bundleRuntimeSpec(installation: Installation, sdk: SdkLine): Promise<string> {
  return bundle(
    installation,
    'on-runtime.mjs',
    `
        import { createTracedFetch } from '@throughline/fetch';
        import { httpClientConformanceCases, httpServerConformanceCases } from '@throughline/testing';
        import { PATIENCE as deadline } from '../conformance/patience.ts';
        import { serverAdapter } from '../conformance/server-adapters.ts';
        import { ${sdk.name} as sdk } from '${bindingOf(sdk)}';
        import { runOnRuntime } from './on-runtime.ts';
        const adapter = process.env.ADAPTER;
        await runOnRuntime(adapter === 'tracedFetch' ? httpClientConformanceCases({
          name: adapter,
          sdk,
          deadline,
          connect(traceOptions) {
            const fetch = createTracedFetch(traceOptions);
            return { request: fetch, fetch };
          },
        }) : httpServerConformanceCases(serverAdapter(adapter, sdk)), JSON.parse(process.env.SKIPS));`,
  );
}

function bindingOf({ name }: SdkLine): string {
  return name === 'sdk3' ? '../conformance/sdk3.ts' : './sdk2.ts';
}

/** Bundles a program; packages stay outside and come from the installation. */
async function bundle(installation: Installation, name: string, contents: string): Promise<string> {
  const outfile = join(installation.folder, name);
  await build({
    stdin: { resolveDir: HERE, loader: 'ts', contents },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
  });
  cpSync(join(HERE, '../conformance/tls'), join(installation.folder, 'tls'), { recursive: true });
  return outfile;
}

/** Runs the kit over one adapter in a process of its own. */
async function runKit(
  program: string,
  args: readonly string[],
  adapter: string,
  skips: Readonly<Record<string, string>> = {},
): Promise<Counts> {
  const child = spawn(program, args, {
    env: { ...process.env, ADAPTER: adapter, SKIPS: JSON.stringify(skips), NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  const count = (word: string) =>
    Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? Number.NaN);
  const counts = { passed: count('pass'), failed: count('fail'), skipped: count('skipped') };
  if (code !== 0 || counts.failed !== 0 || !(counts.passed > 0)) {
    console.error(
      output
        .split('\n')
        .filter((line) => /^\s*(not ok|#|error:)/.test(line))
        .join('\n'),
    );
    counts.failed ||= 1;
  }
  return counts;
}

const versionOf = async (program: string) =>
  /\d+\.\d+\.\d+/.exec((await promisify(execFile)(program, ['--version'])).stdout)?.[0];

const columns: { title: string; results: Map<string, Counts> }[] = [];
const elsewhere: { readonly runtime: string; readonly adapter: string; readonly counts: Counts }[] = [];
for (const sdk of SDK_LINES) {
  const installation = await installPacked({
    ...FRAMEWORKS,
    ...RPC_LIBRARIES,
    ...GRAPHQL_LIBRARIES,
    ...SOCKET_LIBRARIES,
    ...WORKER_LIBRARIES,
    ...sdk.packages,
    'fast-check': '^4.10.2',
  });
  try {
    const spec = await bundleSpec(installation, sdk);
    for (const { major } of NODE_LINES.filter(({ sdks }) => sdks.includes(sdk.name))) {
      const node = await programOf('node', String(major));
      const version = await versionOf(node);
      const results = new Map<string, Counts>();
      columns.push({ title: `Node ${version}, ${sdk.title}`, results });
      for (const adapter of ADAPTERS.filter((one) => isThere(one, major))) {
        const counts = await runKit(node, ['--test-reporter=tap', spec], adapter);
        results.set(adapter, counts);
        console.log(
          `Node ${version}  ${sdk.title}  ${adapter}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`,
        );
      }
    }
    const runtimeSpec = await bundleRuntimeSpec(installation, sdk);
    for (const { title, package: name, version, args, adapters, skips = {} } of RUNTIMES) {
      const program = await programOf(name, version);
      for (const adapter of adapters) {
        const counts = await runKit(program, [...args, runtimeSpec], adapter, skips);
        elsewhere.push({ runtime: `${title} ${version}, ${sdk.title}`, adapter, counts });
        console.log(
          `${title} ${version}  ${sdk.title}  ${adapter}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`,
        );
      }
    }
    if (sdk.name === 'sdk3') {
      const library = join(await programOf('miniflare', '4.20260426.0'), '../../..');
      for (const flag of WORKER_FLAGS) {
        const counts = { passed: 0, failed: 0, skipped: 0 };
        try {
          await checkWorker(installation.folder, library, flag);
          counts.passed = 1;
        } catch (error) {
          console.error(error);
          counts.failed = 1;
        }
        elsewhere.push({ runtime: `workerd, ${sdk.title}`, adapter: `hono with ${flag}`, counts });
        console.log(
          `workerd  ${sdk.title}  hono with ${flag}: ${counts.passed} passed, ${counts.failed} failed`,
        );
      }
    }
  } finally {
    await installation.remove();
  }
}

const coexistence = await testCoexistence();

const frameworkVersions = Object.entries({
  ...FRAMEWORKS,
  ...RPC_LIBRARIES,
  ...GRAPHQL_LIBRARIES,
  ...SOCKET_LIBRARIES,
  ...WORKER_LIBRARIES,
}).map(([name, range]) => `${name} ${range.replace('npm:', '')}`);
const cell = ({ passed, failed, skipped }: Counts = NOT_THERE) =>
  passed + failed === 0
    ? ''
    : failed > 0
      ? `**${failed} failed**`
      : `${passed}${skipped > 0 ? ` (${skipped} skipped)` : ''}`;
const page = `# Compatibility

Generated by \`npm run compat\`: how many cases of the conformance kit each adapter passes, installed from packed tarballs, on each
line of Node and OpenTelemetry. A case is skipped only with a reason, which the run prints.

| Adapter | ${columns.map(({ title }) => title).join(' | ')} |
|---|${columns.map(() => '---').join('|')}|
${ADAPTERS.map((adapter) => `| ${adapter} | ${columns.map(({ results }) => cell(results.get(adapter))).join(' | ')} |`).join('\n')}

With ${frameworkVersions.join(', ')}.

SDK 3 asks for Node 22.15 or later, so Node 20 is tested with SDK 2.12 only. It has no WebSocket of its own.

## Other runtimes

The same kits on Bun and Deno, whose programs come from npm. Skipped are the cases that need Node's own request, response or server,
and those that the runtime shows nothing for; the README of [\`@throughline/web\`](../packages/web/README.md) lists what is not seen. On workerd it is one case: a
worker that is called, calls, streams and throws.

| Adapter | Runtime | Cases |
|---|---|---|
${elsewhere.map(({ runtime, adapter, counts }) => `| ${adapter} | ${runtime} | ${cell(counts)} |`).join('\n')}

${coexistence.section}`;
const file = join(REPOSITORY, 'docs/compatibility.md');
if (!existsSync(file) || readFileSync(file, 'utf8') !== page) writeFileSync(file, page);

const all = [
  ...columns.flatMap(({ results }) => [...results.values()]),
  ...elsewhere.map(({ counts }) => counts),
  coexistence,
];
const sum = (key: keyof Counts) => all.reduce((total, counts) => total + counts[key], 0);
mkdirSync(join(REPOSITORY, '.reports'), { recursive: true });
writeFileSync(
  join(REPOSITORY, '.reports/compat.json'),
  JSON.stringify({
    numPassedTests: sum('passed'),
    numFailedTests: sum('failed'),
    numPendingTests: sum('skipped'),
  }),
);
console.log(`compatibility: ${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
process.exit(sum('failed') === 0 ? 0 : 1);
