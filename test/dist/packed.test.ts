import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Installation, installedVersion, installPacked, publishedPackages } from './packed-packages.ts';

const WITH = ['@opentelemetry/api', 'express', 'fastify', 'koa', '@koa/router'];
/** All that the packages need besides each other: Fastify's way to say "global", and the SDK to set the SDK up. */
const MAY_DEPEND_ON: Readonly<Record<string, RegExp>> = {
  fastify: /^fastify-plugin$/,
  sdk: /^@opentelemetry\//,
};
let installation: Installation;

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
      expect(manifest.peerDependencies).toHaveProperty('@opentelemetry/api');
    });
  }

  it('the version in the code is the version of the package', async () => {
    const { stdout } = await installation.node('scope-version.mjs');
    expect(stdout.trim()).toBe(`@throughline/http ${await installedVersion('@throughline/http')}`);
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
