import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, cp, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Recipe, runStep } from './cached-builds.ts';

const JAEGER_VERSION = 'v1.76.0';
const PROMETHEUS_VERSION = 'v0.312.0';
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
 * The module holds no user interface, only the query API.
 */
export const JAEGER: Recipe = {
  name: 'Jaeger',
  override: 'TL_JAEGER',
  key: `jaeger-${JAEGER_VERSION}`,
  file: 'jaeger',
  tools: ['go'],
  make: (folder) =>
    buildModule({
      module: `github.com/jaegertracing/jaeger@${JAEGER_VERSION}`,
      program: './cmd/jaeger',
      target: join(folder, 'jaeger'),
    }),
};

/** Prometheus without service discovery and without its user interface. */
export const PROMETHEUS: Recipe = {
  name: 'Prometheus',
  override: 'TL_PROMETHEUS',
  key: `prometheus-${PROMETHEUS_VERSION}`,
  file: 'prometheus',
  tools: ['go'],
  make: (folder) =>
    buildModule({
      module: `github.com/prometheus/prometheus@${PROMETHEUS_VERSION}`,
      program: './cmd/prometheus',
      target: join(folder, 'prometheus'),
      tags: 'remove_all_sd',
    }),
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

export const BACK_ENDS = [ZIPKIN, COLLECTOR, PROMETHEUS, JAEGER] as const;

interface ModuleBuild {
  /** With its version. */
  readonly module: string;
  /** The package to build, seen from the module's root. */
  readonly program: string;
  readonly target: string;
  readonly tags?: string;
}

/** Builds a module as the main one, so that its own replacements and its own go.sum apply. */
async function buildModule({ module, program, target, tags = '' }: ModuleBuild): Promise<void> {
  const answer = await runStep('go', ['mod', 'download', '-json', module], { cwd: dirname(target) });
  const downloaded = JSON.parse(answer) as { Dir: string };
  const source = `${target}-source`;
  await cp(downloaded.Dir, source, { recursive: true });
  await makeWritable(source);
  await runStep('go', ['build', '-ldflags=-s -w', '-tags', tags, '-o', target, program], {
    cwd: source,
    env: { ...GO_ENVIRONMENT, GOWORK: 'off' },
  });
  await rm(source, { recursive: true });
}

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
