import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failureReason, keepInstalled, unpackInto } from '../dist/kept-installation.ts';
import { packAll } from '../dist/packed-packages.ts';

/** Where variants run: with packages as a user would have them, none of them in the lock file of this repository. */
export interface Installation {
  readonly name: string;
  readonly folder: string;
  /** What is installed, for the report. */
  readonly versions: Readonly<Record<string, string>>;
}

const FRAMEWORKS = { '@koa/router': '^15.7.0', express: '^5.3.0', fastify: '^5.12.8', koa: '^3.3.0' };
const SDK_3 = {
  '@opentelemetry/api': '~1.10.0',
  '@opentelemetry/context-async-hooks': '3.1.1',
  '@opentelemetry/core': '3.1.1',
  '@opentelemetry/exporter-metrics-otlp-proto': '0.301.0',
  '@opentelemetry/exporter-trace-otlp-proto': '0.301.1',
  '@opentelemetry/resources': '3.1.1',
  '@opentelemetry/sdk-metrics': '3.1.1',
  '@opentelemetry/sdk-trace': '3.1.1',
};
const SDK_2 = {
  '@opentelemetry/api': '~1.9.0',
  '@opentelemetry/context-async-hooks': '2.12.0',
  '@opentelemetry/core': '2.12.0',
  '@opentelemetry/sdk-metrics': '2.12.0',
  '@opentelemetry/sdk-trace-base': '2.12.0',
};
const OFFICIAL = {
  '@fastify/otel': '0.21.2',
  '@opentelemetry/instrumentation': '0.301.1',
  '@opentelemetry/instrumentation-express': '0.72.0',
  '@opentelemetry/instrumentation-http': '0.301.0',
  '@opentelemetry/instrumentation-koa': '0.72.0',
  '@opentelemetry/instrumentation-undici': '0.34.0',
};

/** One folder per peer: each brings an OpenTelemetry of its own. */
const CONTENTS = {
  otel: { ...FRAMEWORKS, ...SDK_3, ...OFFICIAL, 'fastify-plugin': '^6.0.0' },
  otel2: { ...FRAMEWORKS, ...SDK_2, 'fastify-plugin': '^6.0.0' },
  messages: {
    ...SDK_3,
    '@opentelemetry/instrumentation': '0.301.1',
    '@opentelemetry/instrumentation-amqplib': '0.70.0',
    '@opentelemetry/instrumentation-kafkajs': '0.32.0',
    amqplib: '^2.3.1',
    bullmq: '^6.7.0',
    'bullmq-otel': '^2.0.1',
    ioredis: '^6.0.0',
    kafkajs: '^2.2.4',
  },
  calls: {
    ...SDK_3,
    '@grpc/grpc-js': '1.14.7',
    '@opentelemetry/instrumentation': '0.300.0',
    '@opentelemetry/instrumentation-grpc': '0.300.0',
  },
  'dd-trace': { ...FRAMEWORKS, 'dd-trace': '^6.21.0' },
  'sentry-10': { ...FRAMEWORKS, '@sentry/node': '^10.78.0' },
  'sentry-11': { ...FRAMEWORKS, '@sentry/node': '^11.12.0' },
};
export type InstallationName = keyof typeof CONTENTS;
/** Peers that cannot share a folder with others. */
export const PEER_INSTALLATIONS: readonly InstallationName[] = ['dd-trace', 'sentry-10', 'sentry-11'];

const HERE = import.meta.dirname;
const OURS = new Set<string>(['otel', 'otel2', 'messages', 'calls']);

/**
 * Installs what the variants need, outside this repository and kept between runs; our own packages are packed and
 * unpacked anew each time. A peer that cannot be installed is left out, with the reason.
 */
export async function installAll(names: readonly InstallationName[]): Promise<{
  installations: Map<string, Installation>;
  missing: Map<string, string>;
}> {
  const installations = new Map<string, Installation>();
  const missing = new Map<string, string>();
  const packed = mkdtempSync(join(tmpdir(), 'throughline-bench-pack-'));
  try {
    const tarballs = await packAll(packed);
    for (const name of names) {
      const folder = join(tmpdir(), 'throughline-bench', name);
      try {
        await keepInstalled(folder, [CONTENTS[name]]);
      } catch (error) {
        if (OURS.has(name)) throw error;
        missing.set(name, failureReason(error));
        continue;
      }
      if (OURS.has(name)) await unpackInto(folder, tarballs);
      for (const part of ['process', 'variants', 'messages']) {
        rmSync(join(folder, part), { recursive: true, force: true });
        cpSync(join(HERE, part), join(folder, part), { recursive: true });
      }
      installations.set(name, { name, folder, versions: versionsIn(folder) });
    }
  } finally {
    rmSync(packed, { recursive: true, force: true });
  }
  return { installations, missing };
}

function versionsIn(folder: string): Record<string, string> {
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return Object.fromEntries(
    Object.keys(dependencies).map((name) => {
      const manifest = readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8');
      return [name, JSON.parse(manifest).version];
    }),
  );
}
