import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Recipe, runStep } from './cached-builds.ts';

const JAEGER_VERSION = 'v1.76.0';
const ZIPKIN_VERSION = '3.6.1';
const COLLECTOR_SOURCE = join(import.meta.dirname, 'collector');
/** Others use this machine too. */
const GO_ENVIRONMENT = { GOFLAGS: '-p=2 -buildvcs=false', CGO_ENABLED: '0', GOTOOLCHAIN: 'auto' };

/** The OpenTelemetry Collector, from `collector/main.go`; the versions are those of its go.mod. */
export const COLLECTOR: Recipe = {
  name: 'OpenTelemetry Collector',
  override: 'TL_COLLECTOR',
  key: `collector-${digestOf('main.go', 'go.mod', 'go.sum')}`,
  file: 'otelcol',
  tools: ['go'],
  async make(folder) {
    const target = join(folder, 'otelcol');
    await runStep('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', target, '.'], {
      cwd: COLLECTOR_SOURCE,
      env: GO_ENVIRONMENT,
    });
  },
};

/**
 * Jaeger 2, from the last tag of its repository that the Go module rules accept.
 *
 * It is built as its own main module, so that its replacements and its go.sum apply. The module holds no user
 * interface, only the query API.
 */
export const JAEGER: Recipe = {
  name: 'Jaeger',
  override: 'TL_JAEGER',
  key: `jaeger-${JAEGER_VERSION}`,
  file: 'jaeger',
  tools: ['go'],
  async make(folder) {
    const module = `github.com/jaegertracing/jaeger@${JAEGER_VERSION}`;
    const downloaded = JSON.parse(
      await runStep('go', ['mod', 'download', '-json', module], { cwd: folder }),
    ) as { Dir: string };
    const source = join(folder, 'source');
    await cp(downloaded.Dir, source, { recursive: true });
    await makeWritable(source);
    await runStep('go', ['build', '-o', join(folder, 'jaeger'), './cmd/jaeger'], {
      cwd: source,
      env: GO_ENVIRONMENT,
    });
    await rm(source, { recursive: true });
  },
};

/** Zipkin's own server, as released. */
export const ZIPKIN: Recipe = {
  name: 'Zipkin',
  override: 'TL_ZIPKIN_JAR',
  key: `zipkin-${ZIPKIN_VERSION}`,
  file: `zipkin-server-${ZIPKIN_VERSION}-slim.jar`,
  tools: ['java', 'mvn'],
  async make(folder) {
    const copy = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy';
    const artifact = `-Dartifact=io.zipkin:zipkin-server:${ZIPKIN_VERSION}:jar:slim`;
    await runStep('mvn', ['-q', '-B', copy, artifact, `-DoutputDirectory=${folder}`]);
  },
};

export const BACK_ENDS = [ZIPKIN, COLLECTOR, JAEGER] as const;

function digestOf(...files: string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(COLLECTOR_SOURCE, file)));
  return hash.digest('hex').slice(0, 12);
}

/** The module cache is read-only, and so are copies of it; nobody could delete them. */
async function makeWritable(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
  await chmod(folder, 0o755);
}
