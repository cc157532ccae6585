import { existsSync } from 'node:fs';
import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import webpack from 'webpack';
import { type Installation, installedVersion, installPacked, publishedPackages } from './packed-packages.ts';

const WITH = ['@opentelemetry/api', 'express', 'fastify', 'koa', '@koa/router', 'hono'];
/** Draws what it is given, whoever recorded it. */
const WITHOUT_API = new Set(['trace-tree']);
/** All that the packages need besides each other: Fastify's way to say "global", and the SDK to set the SDK up. */
const MAY_DEPEND_ON: Readonly<Record<string, RegExp>> = {
  fastify: /^fastify-plugin$/,
  sdk: /^@opentelemetry\//,
};
const REPOSITORY = join(import.meta.dirname, '../..');
const ON_GITHUB = 'https://github.com/throughline-js/throughline/blob/main/';
/** Kilobytes; ADR 18 has the figures. */
const TARBALL = 50;
const LARGER_TARBALLS: Readonly<Record<string, number>> = { messaging: 105, sdk: 55, testing: 115 };
let installation: Installation;

// Bundlers on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** What can be imported from a package, with the file of its types. */
async function entriesOf(name: string): Promise<[entry: string, types: string][]> {
  const manifest = await readFile(join(import.meta.dirname, '../../packages', name, 'package.json'), 'utf8');
  const { exports } = JSON.parse(manifest) as { exports: Record<string, { types: string }> };
  return Object.entries(exports).map(([path, { types }]) => [join('@throughline', name, path), types]);
}

beforeAll(async () => {
  const versions = await Promise.all(WITH.map(async (name) => [name, await installedVersion(name)] as const));
  installation = await installPacked({
    ...Object.fromEntries(versions),
    'other-api': 'npm:@opentelemetry/api@1.9.0',
  });
  await cp(join(import.meta.dirname, 'fixtures'), installation.folder, { recursive: true });
}, 120_000);

afterAll(() => installation?.remove());

describe('a packed package', async () => {
  for (const name of await publishedPackages()) {
    it.each(await entriesOf(name))(
      '%s: import and require give the same instance, with every export that its types name',
      async (entry, declared) => {
        const { stdout } = await installation.node('same-instance.cjs', entry);
        const { same, names } = JSON.parse(stdout) as { same: boolean; names: string[] };
        expect(same).toBe(true);
        const types = await readFile(
          join(installation.folder, 'node_modules/@throughline', name, declared),
          'utf8',
        );
        for (const exported of names) expect(types).toContain(exported);
        expect(names.length).toBeGreaterThan(0);
      },
    );

    it(`@throughline/${name}: brings its licence and what its pages link to, and neither sources nor maps`, async () => {
      const folder = join(installation.folder, 'node_modules/@throughline', name);
      const files = (await readdir(folder, { recursive: true })).filter(
        (it) => !it.startsWith('node_modules'),
      );
      expect(await readFile(join(folder, 'LICENSE'), 'utf8')).toBe(
        await readFile(join(REPOSITORY, 'LICENSE'), 'utf8'),
      );
      expect(files.filter((it) => /\.map$|^src\b|(?<!\.d)\.ts$/.test(it))).toEqual([]);
      for (const file of files.filter((it) => it.endsWith('.js')))
        expect(await readFile(join(folder, file), 'utf8')).not.toContain('sourceMappingURL');
      const { dependencies = {} } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
        dependencies?: Record<string, string>;
      };
      const dead: string[] = [];
      for (const page of files.filter((it) => it.endsWith('.md')))
        for (const [, link = ''] of (await readFile(join(folder, page), 'utf8')).matchAll(
          /\]\(([^)\s#]+)[^)]*\)/g,
        )) {
          const inRepository = link.startsWith(ON_GITHUB) ? link.slice(ON_GITHUB.length) : undefined;
          if (inRepository === undefined && /^[a-z]+:/.test(link)) continue;
          const target =
            inRepository === undefined ? join(folder, dirname(page), link) : join(REPOSITORY, inRepository);
          const sibling = /@throughline\/([^/]+)/.exec(target)?.[0];
          const installed =
            sibling === undefined || sibling === `@throughline/${name}` || sibling in dependencies;
          if (!installed || !existsSync(target)) dead.push(`${page}: ${link}`);
        }
      expect(dead).toEqual([]);
    });

    it(`@throughline/${name}: is a tarball within its budget`, async () => {
      const { size } = await stat(installation.tarballs.get(`@throughline/${name}`) as string);
      expect(size).toBeLessThanOrEqual((LARGER_TARBALLS[name] ?? TARBALL) * 1000);
    });

    it(`@throughline/${name}: has no install script, depends on what it must, and has OpenTelemetry's API as a peer`, async () => {
      const manifest = JSON.parse(
        await readFile(join(installation.folder, 'node_modules/@throughline', name, 'package.json'), 'utf8'),
      ) as Record<string, Record<string, string> | undefined>;
      for (const hook of ['preinstall', 'install', 'postinstall'])
        expect(manifest.scripts).not.toHaveProperty(hook);
      const foreign = Object.keys(manifest.dependencies ?? {}).filter(
        (it) => !it.startsWith('@throughline/'),
      );
      expect(foreign.filter((it) => !MAY_DEPEND_ON[name]?.test(it))).toEqual([]);
      if (!WITHOUT_API.has(name)) expect(manifest.peerDependencies).toHaveProperty('@opentelemetry/api');
    });
  }

  it('the version in the code is the version of the package', async () => {
    const { stdout } = await installation.node('scope-version.mjs');
    expect(stdout.trim()).toBe(`@throughline/http ${await installedVersion('@throughline/http')}`);
  });
});

describe('a bundle of every entry point', () => {
  /** What bundles of ES modules begin with, because CommonJS in them looks for what a module does not have. */
  const BANNERS = [
    "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    "import { createRequire } from 'module'; import { fileURLToPath } from 'url'; import { dirname, join, resolve } from 'path'; const require = createRequire(import.meta.url); const __filename = fileURLToPath(import.meta.url); const __dirname = dirname(__filename);",
  ];
  const ENTRY = 'every-entry.mjs';
  const WORKS = /^exported: true$/m;

  beforeAll(async () => {
    const entries: string[] = [];
    for (const name of await publishedPackages())
      for (const [entry] of await entriesOf(name)) entries.push(entry);
    const code = [
      ...entries.map((entry, i) => `import * as entry${i} from ${JSON.stringify(entry)};`),
      "import { trace } from '@opentelemetry/api';",
      `globalThis.entries = [${entries.map((_, i) => `entry${i}`).join(', ')}];`,
      "const { startTracing } = globalThis.entries.find((entry) => 'startTracing' in entry);",
      "const tracing = startTracing({ serviceName: 'bundled' });",
      "trace.getTracer('test').startSpan('work').end();",
      "tracing.shutdown().then((done) => console.log('exported:', done));",
    ];
    await writeFile(join(installation.folder, ENTRY), code.join('\n'));
  });

  it.each([
    ...BANNERS.map((banner, i) => [`an ES module with banner ${i + 1}`, 'esm', banner] as const),
    ['CommonJS', 'cjs', ''] as const,
  ])('by esbuild, as %s: builds without a warning, and works', async (_, format, banner) => {
    const file = `every-entry-bundle.${format === 'esm' ? 'mjs' : 'cjs'}`;
    const { warnings } = await build({
      entryPoints: [join(installation.folder, ENTRY)],
      outfile: join(installation.folder, file),
      bundle: true,
      platform: 'node',
      format,
      logLevel: 'silent',
      banner: { js: banner },
    });
    expect(warnings).toEqual([]);
    expect((await installation.node(file)).stdout).toMatch(WORKS);
  });

  it.each([
    ['CommonJS', 'cjs'],
    ['an ES module', 'mjs'],
  ])('by webpack, as %s: builds without a warning, and works', async (_, extension) => {
    const file = `every-entry-webpack.${extension}`;
    const asModule = extension === 'mjs';
    const compiler = webpack({
      mode: 'production',
      target: 'node20',
      context: installation.folder,
      entry: `./${ENTRY}`,
      experiments: { outputModule: asModule },
      output: { path: installation.folder, filename: file, module: asModule },
      performance: { hints: false },
    });
    if (compiler === null) throw new Error('webpack made no compiler');
    const stats = await promisify(compiler.run.bind(compiler))();
    expect(stats?.toJson({ all: false, errors: true, warnings: true })).toMatchObject({
      errors: [],
      warnings: [],
    });
    expect((await installation.node(file)).stdout).toMatch(WORKS);
  });
});

describe('four services, one after the other, and no SDK', () => {
  const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  it('as ES modules: the caller’s headers reach the last service byte for byte', async () => {
    const { stdout } = await installation.node('chain.mjs', TRACEPARENT);
    expect(JSON.parse(stdout)).toEqual({ traceparent: TRACEPARENT, tracestate: 'a=1', baggage: 'k=v' });
  });

  it('with an SDK that was registered through another copy of the API: as without one', async () => {
    const { stdout } = await installation.node('chain.mjs', TRACEPARENT, 'other-api');
    expect(JSON.parse(stdout)).toEqual({ traceparent: TRACEPARENT, tracestate: 'a=1', baggage: 'k=v' });
  });

  for (const format of ['esm', 'cjs'] as const) {
    it(`bundled into one ${format} file by esbuild: the same`, async () => {
      const outfile = join(installation.folder, `bundle.${format === 'esm' ? 'mjs' : 'cjs'}`);
      await build({
        entryPoints: [join(installation.folder, 'chain.mjs')],
        outfile,
        bundle: true,
        minify: true,
        platform: 'node',
        target: 'node20',
        format,
        logLevel: 'silent',
        // CommonJS dependencies in an ES module bundle look for a `require` of their own.
        banner:
          format === 'esm'
            ? {
                js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
              }
            : {},
      });
      await writeFile(join(installation.folder, 'package.json'), '{}');
      const { stdout } = await installation.node(`bundle.${format === 'esm' ? 'mjs' : 'cjs'}`, TRACEPARENT);
      expect(JSON.parse(stdout)).toEqual({ traceparent: TRACEPARENT, tracestate: 'a=1', baggage: 'k=v' });
    });
  }
});

describe('two copies of the packages in one process, and no SDK', () => {
  const FIELDS = {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'a=1',
    baggage: 'k=v',
  };
  const TWO_PACKAGES =
    "export * from '@throughline/http'; export { traceHeaders } from '@throughline/fetch';";
  /** A copy of every package of ours in a folder of its own, as npm nests another version of them. */
  async function nest(name: string, edit = (code: string) => code): Promise<string> {
    const folder = join(installation.folder, name);
    await cp(
      join(installation.folder, 'node_modules/@throughline'),
      join(folder, 'node_modules/@throughline'),
      {
        recursive: true,
      },
    );
    const shared = join(folder, 'node_modules/@throughline/guard/dist/shared-by-copies.js');
    await writeFile(shared, edit(await readFile(shared, 'utf8')));
    const entry = join(folder, 'entry.mjs');
    await writeFile(entry, TWO_PACKAGES);
    return entry;
  }
  async function bundle(entry: string, format: 'cjs' | 'esm'): Promise<string> {
    const outfile = join(installation.folder, `copy.${format === 'cjs' ? 'cjs' : 'mjs'}`);
    await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      minify: true,
      platform: 'node',
      format,
      logLevel: 'silent',
      banner:
        format === 'esm'
          ? {
              js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
            }
          : {},
    });
    return outfile;
  }
  const run = async (middleware: string, caller: string) =>
    JSON.parse((await installation.node('two-copies.mjs', middleware, caller, FIELDS.traceparent)).stdout);

  it.each([
    ['a nested version', async () => [join(installation.folder, 'outer.mjs'), await nest('nested')]],
    [
      'a nested version of the middleware',
      async () => [await nest('nested'), join(installation.folder, 'outer.mjs')],
    ],
    [
      'a bundle behind a server that is not in it',
      async () => [
        join(installation.folder, 'outer.mjs'),
        await bundle(join(installation.folder, 'outer.mjs'), 'esm'),
      ],
    ],
    [
      'a CommonJS bundle beside ES modules',
      async () => [
        await bundle(join(installation.folder, 'outer.mjs'), 'cjs'),
        join(installation.folder, 'outer.mjs'),
      ],
    ],
    [
      'two bundles',
      async () => [
        await bundle(join(installation.folder, 'outer.mjs'), 'cjs'),
        await bundle(join(installation.folder, 'outer.mjs'), 'esm'),
      ],
    ],
  ])('%s: the caller’s headers go on', async (_, copies) => {
    await writeFile(join(installation.folder, 'outer.mjs'), TWO_PACKAGES);
    const [middleware = '', caller = ''] = await copies();
    expect(await run(middleware, caller)).toEqual({ received: FIELDS, headers: FIELDS, codes: ['TL001'] });
  });

  it('of which one holds contexts in another layout: a self-check says so', async () => {
    const other = await nest('other-layout', (code) => code.replace('context: 1', 'context: 2'));
    await writeFile(join(installation.folder, 'outer.mjs'), TWO_PACKAGES);
    const { received, codes } = await run(join(installation.folder, 'outer.mjs'), other);
    expect(received).toEqual({});
    // The call itself carries nothing, which is said too.
    expect(codes).toEqual(['TL001', 'TL018', 'TL019']);
  });
});
