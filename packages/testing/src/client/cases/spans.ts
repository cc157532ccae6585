import assert from 'node:assert/strict';
import { type Attributes, SpanKind } from '@opentelemetry/api';
import { assertErrorType, assertSpan } from '../../kit/trace-assertions.ts';
import type { HttpClientCase } from '../http-client-case.ts';

/** The attributes that a CLIENT span may have unless the user asks for more. */
const CONVENTIONAL: ReadonlySet<string> = new Set([
  'http.request.method',
  'http.request.method_original',
  'http.request.resend_count',
  'http.response.status_code',
  'error.type',
  'url.full',
  'server.address',
  'server.port',
  'network.peer.address',
  'network.peer.port',
  'network.protocol.name',
  'network.protocol.version',
]);

export const spanCases: readonly HttpClientCase[] = [
  {
    name: 'makes one CLIENT span per call, named by the method and never by the path',
    needs: ['spans'],
    async run(world) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
        await world.read('/echo/4711', { method });
        assertSpan(await world.clientSpan(), SpanKind.CLIENT, method);
      }
    },
  },
  {
    name: 'carries what the conventions require and nothing beyond what they recommend',
    needs: ['spans'],
    async run(world) {
      await world.read('/ok?page=2', { headers: { cookie: 'a=b', authorization: 'Bearer abc' } });
      const { attributes } = await world.clientSpan();
      const required: Attributes = {
        'http.request.method': 'GET',
        'http.response.status_code': 200,
        'url.full': `${world.origin.url}/ok?page=2`,
        'server.address': '127.0.0.1',
        'server.port': world.origin.port,
      };
      for (const [key, value] of Object.entries(required)) assert.equal(attributes[key], value, key);
      assert.deepEqual(
        Object.keys(attributes).filter((key) => !CONVENTIONAL.has(key)),
        [],
      );
    },
  },
  {
    name: 'leaves the status unset for 1xx to 3xx',
    needs: ['spans'],
    async run(world) {
      for (const status of [200, 204, 304]) {
        await world.read(`/status/${status}`);
        const span = await world.clientSpan();
        assert.equal(span.attributes['http.response.status_code'], status);
        assertErrorType(span, undefined);
      }
    },
  },
  {
    name: 'marks 4xx and 5xx as errors whose type is the status code, without a description',
    needs: ['spans'],
    async run(world) {
      for (const status of [400, 404, 500, 503]) {
        await world.read(`/status/${status}`);
        const span = await world.clientSpan();
        assert.equal(span.attributes['http.response.status_code'], status);
        assertErrorType(span, String(status));
        assert.equal(span.status.message, undefined);
      }
    },
  },
  {
    name: 'reports a method outside the known ones as _OTHER, keeps the original, and names the span HTTP',
    needs: ['spans', 'anyMethod'],
    async run(world) {
      await world.read('/ok', { method: 'PROPFIND' });
      const span = await world.clientSpan();
      assertSpan(span, SpanKind.CLIENT, 'HTTP');
      assert.equal(span.attributes['http.request.method'], '_OTHER');
      assert.equal(span.attributes['http.request.method_original'], 'PROPFIND');
      assert.equal(world.origin.received[0]?.method, 'PROPFIND');
    },
  },
  {
    name: 'redacts the signature parameters of url.full, keeps their keys and sends them as they are',
    needs: ['spans'],
    async run(world) {
      await world.read('/ok?a=1&sig=SECRET&X-Goog-Signature=SECRET&b=2');
      const { attributes } = await world.clientSpan();
      assert.equal(
        attributes['url.full'],
        `${world.origin.url}/ok?a=1&sig=REDACTED&X-Goog-Signature=REDACTED&b=2`,
      );
      assert.equal(world.origin.received[0]?.target, '/ok?a=1&sig=SECRET&X-Goog-Signature=SECRET&b=2');
    },
  },
  {
    name: 'records no credentials of a URL',
    needs: ['spans'],
    async run(world) {
      const url = world.origin.url.replace('://', '://alice:SECRET@');
      await world.client.request(`${url}/ok`).then(
        (response) => response.text(),
        // `fetch` refuses such URLs; then the recorded refusal must not contain the password.
        () => undefined,
      );
      for (const span of [...world.spans.ended()]) {
        await world.spans.take();
        assert.doesNotMatch(JSON.stringify([span.name, span.attributes]), /SECRET|alice/);
        assert.doesNotMatch(JSON.stringify([span.events, span.status]), /SECRET/, 'exceptions and status');
      }
    },
  },
  {
    name: 'ends the span when the response head is in, before the body is read',
    needs: ['spans'],
    async run(world) {
      const response = await world.call('/streamed');
      const span = await world.clientSpan();
      assert.equal(span.attributes['http.response.status_code'], 200);
      world.origin.gate('rest').open();
      assert.equal(await response.text(), 'first last');
    },
  },
  {
    name: 'ends the span with the body when asked to',
    needs: ['spans', 'endOnBody'],
    traceOptions: () => ({ endOn: 'body' }),
    async run(world) {
      const response = await world.call('/streamed');
      assert.equal(world.spans.open().length, 1, 'open while the body is on its way');
      world.origin.gate('rest').open();
      assert.equal(await response.text(), 'first last');
      assertErrorType(await world.clientSpan(), undefined);
    },
  },
  {
    name: 'marks a body that breaks off when the span ends with the body',
    needs: ['spans', 'endOnBody'],
    traceOptions: () => ({ endOn: 'body' }),
    async run(world) {
      const response = await world.call('/cut');
      world.origin.gate('rest').open();
      await assert.rejects(response.text());
      const span = await world.clientSpan();
      assert.equal(span.attributes['http.response.status_code'], 200);
      assertErrorType(span, /^[\w.]+$/);
    },
  },
  {
    name: 'passes everything known at the start to the sampler',
    needs: ['spans'],
    sampler: (world) => ({
      shouldSample(_context, _traceId, _name, kind, attributes) {
        world.notes.push({ kind, ...attributes });
        return { decision: 2 };
      },
      toString: () => 'noting sampler',
    }),
    async run(world) {
      await world.read('/ok?sig=SECRET');
      await world.clientSpan();
      const [seen] = world.notes as Attributes[];
      const expected: Attributes = {
        kind: SpanKind.CLIENT,
        'http.request.method': 'GET',
        'url.full': `${world.origin.url}/ok?sig=REDACTED`,
        'server.address': '127.0.0.1',
        'server.port': world.origin.port,
      };
      for (const [key, value] of Object.entries(expected)) assert.equal(seen?.[key], value, key);
    },
  },
  {
    name: 'names its scope, the version and the schema of the conventions',
    needs: ['spans'],
    async run(world) {
      await world.read('/ok');
      const { instrumentationScope: scope } = await world.clientSpan();
      assert.ok(scope.name.length > 0, 'a scope name');
      assert.match(String(scope.version), /^\d+\.\d+\.\d+/);
      assert.match(String(scope.schemaUrl), /^https:\/\/opentelemetry\.io\/schemas\/\d+\.\d+\.\d+$/);
    },
  },
];
