import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, isSpanContextValid, type SpanContext } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { ZipkinExporter } from '@opentelemetry/exporter-zipkin';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROGRAM, RARE_PROGRAMS } from './random-program.ts';
import { type Contestant, runProgram, shownSpan } from './run-program.ts';

/** The same every time; another one by the variable. */
const SEED = Number(process.env.DIFFERENTIAL_SEED ?? 20_261_128);
const PROGRAMS = Number(process.env.DIFFERENTIAL_RUNS ?? 500);
/** Milliseconds, for a busy machine and for many programs. */
const DEADLINE = 60_000 + 50 * PROGRAMS;
/** How many spans the exporters send. */
const SENT = 300;

const SERIALIZERS = [ProtobufTraceSerializer, JsonTraceSerializer];

const resource = resourceFromAttributes({ 'service.name': 'orders', 'host.name': 'here' });

/** Registers the tests that compare the recorder with the tracer of an SDK. */
export function defineRecorderDifferential(name: string, sdk: Contestant, recorder: Contestant): void {
  describe(`the recorder and the tracer of ${name}`, () => {
    const sent: { readonly sdk: ReadableSpan[]; readonly recorder: ReadableSpan[] } = {
      sdk: [],
      recorder: [],
    };
    beforeAll(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));
    afterAll(() => context.disable());

    it(
      `do the same in ${PROGRAMS} programs put together at random, seed ${SEED}`,
      () => {
        fc.assert(
          fc.property(PROGRAM, (program) => {
            const expected = runProgram(program, sdk, resource);
            const actual = runProgram(program, recorder, resource);
            expect(actual.lines).toEqual(expected.lines);
            const written = SERIALIZERS.map((serializer) => serialized(serializer, expected.exported));
            expect(SERIALIZERS.map((serializer) => serialized(serializer, actual.exported))).toEqual(written);
            for (const [index, span] of expected.exported.entries()) {
              if (sent.sdk.length === SENT || !isLegal(span)) continue;
              sent.sdk.push(span);
              sent.recorder.push(actual.exported[index] as ReadableSpan);
            }
          }),
          { seed: SEED, numRuns: PROGRAMS, examples: RARE_PROGRAMS.map((program) => [program]) },
        );
      },
      DEADLINE,
    );

    it.each([undefined, -1])(
      'see the same of lists that change after a call, with a length limit of %s',
      (limit) => {
        const [expected, actual] = [sdk, recorder].map((contestant) => {
          const list = ['a'];
          const attributes = { list, map: { list } as never };
          const link = {
            context: { traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 },
            attributes,
          };
          const provider = contestant.createProvider({
            resource,
            idGenerator: { generateTraceId: () => '2'.repeat(32), generateSpanId: () => '2'.repeat(16) },
            ...(limit !== undefined && { spanLimits: { attributeValueLengthLimit: limit } }),
          });
          const span = provider
            .getTracer('lists')
            .startSpan('lists', { attributes, links: [link], startTime: [1, 0] });
          span.setAttribute('later', list).addEvent('event', attributes, [2, 0]).addLink(link).end([3, 0]);
          list.push('b');
          attributes.list = [];
          link.context.traceFlags = 0;
          return shownSpan(span);
        });
        expect(actual).toBe(expected);
      },
    );

    it.each<[string, (url: string) => SpanExporter]>([
      ['OTLP over protobuf', (url) => new ProtobufExporter({ url })],
      ['OTLP over JSON', (url) => new JsonExporter({ url })],
      ['Zipkin', (url) => new ZipkinExporter({ url })],
    ])('%s sends the same bytes for both', async (_, createExporter) => {
      expect(sent.sdk).toHaveLength(SENT);
      const expected = await bodyOf(createExporter, sent.sdk);
      expect(expected.length).toBeGreaterThan(10_000);
      expect((await bodyOf(createExporter, sent.recorder)).equals(expected)).toBe(true);
    });
  });
}

/** Whether an exporter can send a span: a writer of protobuf grows without end over a name that is no text. */
function isLegal(span: ReadableSpan): boolean {
  const { name, startTime, endTime, events, links } = span;
  const times = [startTime, endTime, ...events.map(({ time }) => time)].flat();
  return (
    [name, ...events.map(({ name }) => name)].every((text) => typeof text === 'string') &&
    [span.spanContext(), ...links.map(({ context }) => context)].every(isValid) &&
    times.every((part) => Number.isInteger(part) && part >= 0 && part < 2 ** 32)
  );
}

function isValid(spanContext: SpanContext | null | undefined): boolean {
  return spanContext != null && isSpanContextValid(spanContext);
}

/** Returns what a serializer makes of spans, or the error that it throws at an illegal one. */
function serialized(
  { serializeRequest }: { serializeRequest(spans: ReadableSpan[]): Uint8Array | undefined },
  spans: readonly ReadableSpan[],
): unknown {
  try {
    return Buffer.from(serializeRequest([...spans]) ?? '');
  } catch (error) {
    return String(error);
  }
}

/** Sends spans to a receiver on the loopback interface, and returns what arrives. */
async function bodyOf(createExporter: (url: string) => SpanExporter, spans: ReadableSpan[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const server = createServer(async (req, res) => {
    for await (const chunk of req) chunks.push(chunk);
    res.writeHead(200).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const exporter = createExporter(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  try {
    const result = await new Promise<{ code: ExportResultCode }>((resolve) =>
      exporter.export(spans, resolve),
    );
    expect(result.code).toBe(ExportResultCode.SUCCESS);
  } finally {
    await exporter.shutdown();
    server.closeAllConnections();
    server.close();
  }
  return Buffer.concat(chunks);
}
