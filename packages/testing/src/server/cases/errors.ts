import assert from 'node:assert/strict';
import { assertErrorType } from '../../kit/trace-assertions.ts';
import type { HttpServerCase } from '../http-server-case.ts';
import { THROWN } from '../http-server-endpoints.ts';

const STATUS = 'http.response.status_code';

export const errorCases: readonly HttpServerCase[] = [
  {
    name: 'leaves the status unset for 1xx to 4xx',
    async run(world) {
      for (const status of [200, 204, 302, 304, 400, 401, 404, 429]) {
        assert.equal((await world.get(`/status/${status}`)).status, status);
        const span = await world.serverSpan();
        assert.equal(span.attributes[STATUS], status);
        assertErrorType(span, undefined);
      }
    },
  },
  {
    name: 'marks a 5xx as an error whose type is the status code, without a description',
    async run(world) {
      for (const status of [500, 503]) {
        await world.get(`/status/${status}`);
        const span = await world.serverSpan();
        assert.equal(span.attributes[STATUS], status);
        assertErrorType(span, String(status));
        assert.equal(span.status.message, undefined);
        assert.deepEqual(span.events, [], 'no exception was thrown');
      }
    },
  },
  {
    name: 'marks the response to a thrown error as an error',
    needs: ['errors'],
    async run(world) {
      const { status } = await world.get('/throws');
      assert.equal(status, 500);
      const span = await world.serverSpan();
      assert.equal(span.attributes[STATUS], 500);
      assertErrorType(span, /^(500|RangeError)$/);
    },
  },
  {
    name: 'marks the response to a rejected promise as an error',
    needs: ['errors'],
    async run(world) {
      const { status } = await world.get('/rejects');
      assert.equal(status, 500);
      const span = await world.serverSpan();
      assert.equal(span.attributes[STATUS], 500);
      assertErrorType(span, /^(500|RangeError)$/);
    },
  },
  {
    name: 'records a thrown error once, as an exception event',
    needs: ['errors', 'exceptions'],
    async run(world) {
      for (const path of ['/throws', '/rejects', '/api/v1/throws/1']) {
        await world.get(path);
        const { events } = await world.serverSpan();
        assert.deepEqual(
          events.map(({ name }) => name),
          ['exception'],
          `events of ${path}`,
        );
        assert.equal(events[0]?.attributes?.['exception.type'], 'RangeError');
        assert.equal(events[0]?.attributes?.['exception.message'], THROWN.message);
      }
    },
  },
  {
    name: 'records no secret that a thrown error quotes',
    needs: ['errors', 'exceptions'],
    async run(world) {
      await world.get('/quotes?a=1&sig=S3CRET', { headers: { authorization: 'Bearer T0KEN' } });
      const { events, status } = await world.serverSpan();
      assert.match(String(events[0]?.attributes?.['exception.message']), /^cannot use/);
      assert.doesNotMatch(JSON.stringify([events, status]), /S3CRET|T0KEN/);
      assert.match(String(world.errors[0]), /S3CRET.*T0KEN/, 'the error itself is not touched');
    },
  },
  {
    name: 'passes a thrown error on to the framework by identity, once',
    needs: ['errors'],
    async run(world) {
      for (const path of ['/throws', '/rejects']) {
        await world.get(path);
        await world.serverSpan();
      }
      assert.equal(world.errors.length, 2, `errors that reached the framework: ${world.errors.map(String)}`);
      for (const error of world.errors) assert.ok(error === THROWN, `the error itself, not ${String(error)}`);
    },
  },
  {
    name: 'leaves the status unset when a thrown error is answered with 4xx',
    needs: ['errors'],
    async run(world) {
      const { status } = await world.get('/refuses');
      assert.equal(status, 400);
      const span = await world.serverSpan();
      assert.equal(span.attributes[STATUS], 400);
      assertErrorType(span, undefined);
      assert.deepEqual(span.events, [], 'a refusal is no exception of ours');
    },
  },
  {
    name: 'marks the response to a thrown value that is no Error',
    needs: ['errors', 'thrownValues'],
    async run(world) {
      const { status } = await world.get('/throws-text');
      assert.equal(status, 500);
      const span = await world.serverSpan();
      assertErrorType(span, /^[\w.]+$/);
      assert.equal(span.attributes[STATUS], 500);
    },
  },
  {
    name: 'answers a failing request with the same bytes as without the adapter',
    needs: ['errors'],
    manual: true,
    async run(world) {
      const answers: unknown[] = [];
      for (const mounts of [0, 1]) {
        await world.start({ mounts });
        const seen: unknown[] = [];
        for (const path of ['/throws', '/rejects', '/refuses', '/nowhere']) {
          const { status, text, headers } = await world.get(path);
          seen.push({ path, status, text, names: Object.keys(headers).sort() });
          if (mounts > 0) await world.serverSpan();
        }
        answers.push(seen);
        await world.stop();
      }
      assert.deepEqual(answers[1], answers[0]);
    },
  },
];
