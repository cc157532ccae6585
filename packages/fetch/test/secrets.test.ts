import { createServer } from 'node:http';
import { inspect } from 'node:util';
import { diag } from '@opentelemetry/api';
import { createTracedFetch, traceInterceptor } from '@throughline/fetch';
import fc from 'fast-check';
import { Agent, request } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeServers, listen, type Recorder, startSdk, stopSdk } from '../../core/test/sdk.ts';

let spans: Recorder;
beforeEach(() => {
  spans = startSdk();
});
afterEach(async () => {
  await closeServers();
  stopSdk();
});

/** All that leaves by a span. */
async function told(count = 1): Promise<string> {
  const ended = await spans.take(count);
  return JSON.stringify(
    ended.map(({ name, attributes, events, status, links }) => [name, attributes, events, status, links]),
  );
}

const S = 'S3CRETvalue';

describe('a call that fails', () => {
  test.each<[string, string, RequestInit?]>([
    ['credentials, which fetch refuses', `http://user:${S}@127.0.0.1/?sig=${S}`],
    ['a token for a name', `http://${S}${S}@127.0.0.1/`],
    ['a name with percent signs', `http://127.0.0.1:1/?%73ig=${S}`],
    ['capitals', `http://127.0.0.1:1/?SIG=${S}&ACCESS_TOKEN=${S}`],
    ['semicolons', `http://127.0.0.1:1/?a=1;sig=${S};b=2`],
    ['names twice', `http://127.0.0.1:1/?sig=${S}&sig=${S}`],
    ['a fragment', `http://127.0.0.1:1/#access_token=${S}`],
    ['a matrix parameter', `http://127.0.0.1:1/a;token=${S}/b`],
    ['a URL to return to', `http://127.0.0.1:1/?next=${encodeURIComponent(`http://h/?token=${S}`)}`],
    ['a header that is none', 'http://127.0.0.1:1/', { headers: { 'x-api-key': `${S}\n${S}` } }],
    ['a method that is none', `http://127.0.0.1:1/?token=${S}`, { method: `IN ${S}` }],
  ])('%s', async (_, url, init) => {
    const failure: unknown = await createTracedFetch()(url, init).then(
      () => expect.unreachable(),
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(Error);
    if (spans.ended.length > 0) expect((await told()).replaceAll(`IN ${S}`, '')).not.toContain(S);
  });

  test('an error that quotes the secrets in every form, reached the caller by identity and unchanged', async () => {
    const password = 'p@ss/w%rd +é"x';
    const url = `http://user:${encodeURIComponent(password)}@h/a;session=${S}?sig=${encodeURIComponent(password)}`;
    const quotes = [
      url,
      password,
      encodeURIComponent(password),
      JSON.stringify({ password }),
      `Basic ${Buffer.from(`user:${password}`).toString('base64')}`,
      Buffer.from(`user:${password}`).toString('base64'),
      `rejected ${S} and H34DER`,
    ];
    for (const quote of quotes) {
      const error = Object.assign(new TypeError(quote, { cause: new Error(quote) }), {
        input: url,
        config: { url, headers: { authorization: S } },
      });
      const stack = error.stack;
      const fetch = createTracedFetch({ fetch: () => Promise.reject(error) });
      await expect(fetch(url, { headers: { authorization: 'Bearer H34DER' } })).rejects.toBe(error);
      expect([error.message, error.stack]).toEqual([quote, stack]);
      const seen = await told();
      for (const secret of [password, encodeURIComponent(password), S, 'H34DER', 'ss/w'])
        expect(seen).not.toContain(secret);
      expect(seen).not.toContain(Buffer.from(`user:${password}`).toString('base64'));
      expect(seen).toContain('"exception.type":"TypeError"');
    }
  });

  test('several errors in one', async () => {
    const url = `http://h/?token=${S}`;
    const error = new AggregateError([new Error(url)], url);
    await expect(createTracedFetch({ fetch: () => Promise.reject(error) })(url)).rejects.toBe(error);
    expect(await told()).not.toContain(S);
  });

  test('what is thrown need not be an error', async () => {
    const url = `http://h/?token=${S}`;
    for (const thrown of [url, { toString: () => url }, [url]]) {
      await expect(createTracedFetch({ fetch: () => Promise.reject(thrown) })(url)).rejects.toBe(thrown);
      expect(await told()).not.toContain(S);
    }
  });

  test('through the interceptor', async () => {
    const agent = new Agent().compose(traceInterceptor() as never);
    const port = await listen(createServer((req) => req.destroy()));
    await expect(
      request(`http://127.0.0.1:${port}/?sig=${S}`, {
        dispatcher: agent,
        headers: { authorization: `Bearer ${S}` },
      }),
    ).rejects.toThrow();
    expect(await told()).not.toContain(S);
    const dispatch = () => {
      throw new Error(`no ${S}`);
    };
    const options = { origin: 'http://h', path: `/?token=${S}`, method: 'GET' };
    expect(() => traceInterceptor()(dispatch)(options, {})).toThrow(S);
    expect(await told()).not.toContain(S);
    await agent.destroy();
  });
});

test('whatever the secret, no span holds it', async () => {
  const secret = fc
    .string({
      unit: fc.constantFrom(...'abcXYZ019-._~!*()\'", /?#[]@:;&=+%$<>|\\é'),
      minLength: 9,
      maxLength: 20,
    })
    .map((one) => `k${one}k`);
  await fc.assert(
    fc.asyncProperty(secret, async (value) => {
      const inUrl = encodeURIComponent(value);
      const url = `http://user:${inUrl}@h/p?a=1&sig=${inUrl}#id_token=${inUrl}`;
      const error = new Error(`cannot load ${url}, that is ${value}`);
      const fetch = createTracedFetch({ fetch: () => Promise.reject(error) });
      await fetch(url).catch(() => {});
      const seen = JSON.stringify(
        (await spans.take(1)).map(({ attributes, events }) => [attributes, events]),
      );
      expect(seen).not.toContain(inUrl);
      expect(seen).not.toContain(JSON.stringify(value).slice(1, -1));
    }),
    { numRuns: 300 },
  );
});

test('diag says what failed and where, and nothing of what it was about', async () => {
  const lines: unknown[][] = [];
  const log = (...line: unknown[]) => lines.push(line);
  diag.setLogger(
    { error: log, warn: log, info: log, debug: log, verbose: log },
    { suppressOverrideMessage: true },
  );
  const url = `http://127.0.0.1:1/?token=${S}`;
  function failingHook(): never {
    throw Object.assign(new TypeError(`${S} at\n    at x ${url}`, { cause: new Error(url) }), {
      input: url,
      config: { headers: { authorization: S } },
    });
  }
  const fetch = createTracedFetch({ attributes: failingHook, spanName: failingHook, ignore: failingHook });
  await fetch(url).catch(() => {});
  await spans.take(1);
  const seen = inspect(lines, { depth: null });
  expect(lines.length).toBeGreaterThan(1);
  expect(seen).not.toContain(S);
  expect(seen).toMatch(/options\.ignore threw/);
  expect(lines[0]?.[1]).toMatch(/^TypeError\n {4}at failingHook/);
});
