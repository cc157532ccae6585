import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { trace } from '@opentelemetry/api';
import { startTracing, type Tracing } from '@throughline/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const TLS = join(import.meta.dirname, '../../../test/conformance/tls');
const CERTIFICATE = join(TLS, 'certificate.pem');
const KEY = join(TLS, 'key.pem');

let server: Server;
let tracing: Tracing | undefined;
/** Whether the client of each request showed a certificate that the server trusts. */
let authorized: boolean[];
beforeEach(async () => {
  authorized = [];
  const cert = readFileSync(CERTIFICATE);
  server = createServer(
    { cert, key: readFileSync(KEY), ca: cert, requestCert: true, rejectUnauthorized: false },
    (req, res) => {
      authorized.push((req.socket as unknown as { authorized: boolean }).authorized);
      req.resume().once('end', () => res.end());
    },
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) vi.stubEnv(name, undefined);
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('OTEL_METRICS_EXPORTER', 'none');
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(async () => {
  await tracing?.shutdown();
  server.close();
  server.closeAllConnections();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe('a receiver with TLS', () => {
  it.each<[string, Record<string, string>, boolean]>([
    ['a certificate of the environment', { OTEL_EXPORTER_OTLP_CERTIFICATE: CERTIFICATE }, false],
    [
      'one for traces, and a certificate of its own',
      {
        OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: CERTIFICATE,
        OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: CERTIFICATE,
        OTEL_EXPORTER_OTLP_CLIENT_KEY: KEY,
      },
      true,
    ],
  ])('gets spans with %s, one connection for all', async (_, env, shown) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const connections: unknown[] = [];
    server.on('secureConnection', (socket) => connections.push(socket));
    tracing = startTracing({ serviceName: 'orders' });
    for (let i = 0; i < 3; i++) {
      trace.getTracer('test').startSpan('work').end();
      expect(await tracing.flush()).toBe(true);
    }
    expect(authorized).toEqual([shown, shown, shown]);
    expect(connections).toHaveLength(1);
  });

  it.each<[string, Record<string, string>]>([
    ['nobody vouches for', {}],
    ['whose certificate cannot be read as one', { OTEL_EXPORTER_OTLP_CERTIFICATE: import.meta.filename }],
  ])('that %s gets none, and the status says why', async (_, env) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    tracing = startTracing({ serviceName: 'orders' });
    trace.getTracer('test').startSpan('work').end();
    expect(await tracing.flush()).toBe(false);
    expect(tracing.status().lastError?.message).toBeTruthy();
    expect(authorized).toEqual([]);
  });
});
