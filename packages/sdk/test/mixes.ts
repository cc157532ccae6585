// Runs startTracing() from packed tarballs on each mix of API and SDK versions: each works, or says what is wrong.
// Then the end of a process with SDK 2. Needs a build and the registry. Exits 1 when something else happens.
// Slow: `node packages/sdk/test/mixes.ts`.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type OtlpSink, startOtlpSink } from './otlp-sink.ts';

const run = promisify(execFile);
const REPOSITORY = join(import.meta.dirname, '../../..');
const OWN_PACKAGES = ['guard', 'carrier', 'core', 'propagators', 'trace-tree', 'sdk'];

/** The packages of one release of the SDK. */
const sdkOf = (stable: string, experimental: string) => ({
  '@opentelemetry/context-async-hooks': stable,
  '@opentelemetry/exporter-metrics-otlp-proto': experimental,
  '@opentelemetry/exporter-trace-otlp-proto': experimental,
  '@opentelemetry/resources': stable,
  '@opentelemetry/sdk-metrics': stable,
  '@opentelemetry/sdk-trace': stable,
});
const SDK_2 = sdkOf('~2.12.0', '^0.223.0');
const SDK_3 = sdkOf('~3.1.0', '^0.301.0');

interface Mix {
  readonly title: string;
  readonly api: string;
  readonly sdk: Readonly<Record<string, string>>;
  /** Version of the API that each package of the SDK gets for itself, and so do the packages in `nested`. */
  readonly copy?: string;
  readonly nested?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly expected: RegExp;
}

const WORKS = /^works$/;
const MIXES: readonly Mix[] = [
  { title: 'API 1.10, SDK 3.1', api: '~1.10.0', sdk: SDK_3, expected: WORKS },
  {
    title: 'http/json asked for and not installed',
    api: '~1.10.0',
    sdk: SDK_3,
    env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', STRICT: '1' },
    expected:
      /OTEL_EXPORTER_OTLP_PROTOCOL is 'http\/json'; that needs (@opentelemetry\/exporter-trace-otlp-http), which is not installed: npm install \1$/m,
  },
  {
    title: 'http/json asked for by the environment and not installed',
    api: '~1.10.0',
    sdk: SDK_3,
    env: { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' },
    expected: WORKS,
  },
  { title: 'API 1.9, SDK 2.12', api: '~1.9.0', sdk: SDK_2, expected: WORKS },
  { title: 'API 1.9, SDK 2.11', api: '~1.9.0', sdk: sdkOf('~2.11.0', '^0.222.0'), expected: WORKS },
  { title: 'API 1.9, SDK 2.10', api: '~1.9.0', sdk: sdkOf('~2.10.0', '^0.221.0'), expected: WORKS },
  { title: 'API 1.10, SDK 3.0', api: '~1.10.0', sdk: sdkOf('~3.0.0', '^0.300.0'), expected: WORKS },
  { title: 'API 1.10, SDK 2.12, peers ignored', api: '~1.10.0', sdk: SDK_2, expected: WORKS },
  {
    title: 'API 1.9, SDK 3.1, peers ignored',
    api: '~1.9.0',
    sdk: SDK_3,
    // Node's own words: the SDK cannot be loaded, and so neither can we.
    expected: /^SyntaxError: The requested module '@opentelemetry\/api' does not provide an export named/,
  },
  {
    title: 'API 1.10 in the application, 1.9 in SDK 2.12',
    api: '~1.10.0',
    sdk: SDK_2,
    copy: '~1.9.0',
    expected: WORKS,
  },
  {
    title: 'API 1.9 in the application, 1.10 in SDK 3.1',
    api: '~1.9.0',
    sdk: SDK_3,
    copy: '~1.10.0',
    expected:
      /^TypeError: \[throughline\/sdk\] startTracing\(\): @opentelemetry\/sdk-trace loads @opentelemetry\/api 1\.10\.\d+ and cannot see what is registered through 1\.9\.\d+, so .*: npm ls @opentelemetry\/api$/,
  },
  {
    title: 'API 1.9 in the application, 1.10 in @throughline/sdk and SDK 3.1',
    api: '~1.9.0',
    sdk: SDK_3,
    nested: ['@throughline/sdk', '@throughline/core', '@throughline/carrier', '@throughline/guard'],
    copy: '~1.10.0',
    expected: WORKS,
  },
  {
    title: 'API 1.9 in the application, whose logger came first, 1.10 in @throughline/sdk and SDK 3.1',
    api: '~1.9.0',
    sdk: SDK_3,
    nested: ['@throughline/sdk', '@throughline/core', '@throughline/carrier', '@throughline/guard'],
    copy: '~1.10.0',
    env: { DIAG_FIRST: '1' },
    expected:
      /^TypeError: \[throughline\/sdk\] startTracing\(\): a tracer provider could not be registered: this process also loaded @opentelemetry\/api 1\.9\.\d+, and @throughline\/sdk uses 1\.10\.\d+\. Make it one version: npm ls @opentelemetry\/api$/m,
  },
];

async function packOwn(folder: string): Promise<Record<string, string>> {
  const workspaces = OWN_PACKAGES.flatMap((name) => ['-w', `packages/${name}`]);
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--silent', '--pack-destination', folder, ...workspaces],
    {
      cwd: REPOSITORY,
      maxBuffer: 16 << 20,
    },
  );
  const packed = Object.values(JSON.parse(stdout) as Record<string, { name: string; filename: string }>);
  return Object.fromEntries(packed.map(({ name, filename }) => [name, `file:${join(folder, filename)}`]));
}

/** What users install beside, as npm chooses versions by itself; it must neither refuse nor choose what does not work. */
const BESIDE: readonly Readonly<Record<string, string>>[] = [
  ...['0.82.0', '0.81.2', '0.80.0', '0.79.0'].map((version) => ({
    '@opentelemetry/auto-instrumentations-node': version,
  })),
  { '@opentelemetry/sdk-node': 'latest' },
  { '@opentelemetry/exporter-trace-otlp-http': '0.300.0' },
];

async function install(
  folder: string,
  dependencies: Readonly<Record<string, string>>,
  flags: readonly string[] = ['--legacy-peer-deps'],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies }),
  );
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...flags], { cwd: folder });
}

async function tryMix(
  mix: Mix,
  folder: string,
  own: Record<string, string>,
  sink: OtlpSink,
): Promise<string> {
  await install(folder, { ...own, ...mix.sdk, '@opentelemetry/api': mix.api });
  if (mix.copy !== undefined) {
    const copy = join(folder, 'copy');
    await install(copy, { '@opentelemetry/api': mix.copy });
    const scope = '@opentelemetry';
    const sdk = (await readdir(join(folder, 'node_modules', scope))).filter((name) => name !== 'api');
    for (const name of [...sdk.map((name) => `${scope}/${name}`), ...(mix.nested ?? [])])
      await cp(join(copy, 'node_modules'), join(folder, 'node_modules', name, 'node_modules'), {
        recursive: true,
      });
  }
  return runMix(folder, sink, mix.env);
}

/** As users do it, peers included. */
async function tryBeside(
  packages: Readonly<Record<string, string>>,
  folder: string,
  own: Record<string, string>,
  sink: OtlpSink,
): Promise<string> {
  try {
    await install(folder, { ...own, ...packages, '@opentelemetry/api': '*' }, []);
  } catch (error) {
    return (error as { stderr?: string }).stderr ?? String(error);
  }
  return runMix(folder, sink);
}

async function runMix(
  folder: string,
  sink: OtlpSink,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  await cp(join(import.meta.dirname, 'programs/mix.mjs'), join(folder, 'mix.mjs'));
  sink.spans.length = 0;
  sink.metrics.clear();
  const { stdout } = await run(process.execPath, ['mix.mjs'], {
    cwd: folder,
    timeout: 30_000,
    env: { PATH: process.env.PATH, OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, ...env },
  });
  const said = stdout.trim();
  if (said !== 'works') return said;
  const [inner, outer] = sink.spans;
  if (sink.spans.length !== 2 || inner?.parentId !== outer?.spanId) return 'the spans are not one trace';
  return sink.metrics.has('mix.runs') ? said : 'no metric came';
}

/** The tests of the end of a process, with the programs in an installation of SDK 2. */
async function testProcessEnd(folder: string): Promise<boolean> {
  const programs = join(folder, 'programs');
  await cp(join(import.meta.dirname, 'programs'), programs, { recursive: true });
  const vitest = spawn('vitest', ['run', '--root', join(import.meta.dirname, '..'), 'process-end'], {
    stdio: 'inherit',
    env: { ...process.env, PROGRAMS_FOLDER: programs },
  });
  const [code] = await once(vitest, 'exit');
  return code === 0;
}

const folder = await mkdtemp(join(tmpdir(), 'throughline-mixes-'));
const sink = await startOtlpSink();
let failed = 0;
try {
  const own = await packOwn(folder);
  const judge = (title: string, said: string, expected: RegExp) => {
    const ok = expected.test(said);
    if (!ok) failed++;
    console.log(`${ok ? 'ok    ' : 'NOT OK'} ${title}: ${said}`);
  };
  for (const [i, mix] of MIXES.entries())
    judge(mix.title, await tryMix(mix, join(folder, String(i)), own, sink), mix.expected);
  for (const [i, packages] of BESIDE.entries()) {
    const title = `beside ${Object.entries(packages).flat().join(' ')}`;
    judge(title, await tryBeside(packages, join(folder, `beside-${i}`), own, sink), WORKS);
  }
  const sdk2 = MIXES.findIndex(({ sdk, expected }) => sdk === SDK_2 && expected === WORKS);
  if (!(await testProcessEnd(join(folder, String(sdk2))))) failed++;
} finally {
  await sink.close();
  await rm(folder, { recursive: true, force: true });
}
const reports = join(import.meta.dirname, '../../../.reports');
await mkdir(reports, { recursive: true });
await writeFile(
  join(reports, 'mixes.json'),
  JSON.stringify({
    numPassedTests: MIXES.length + BESIDE.length + 1 - failed,
    numFailedTests: failed,
    numPendingTests: 0,
  }),
);
process.exit(failed === 0 ? 0 : 1);
