import { createRedaction } from '@throughline/core/seam';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const { query, path, text, header } = createRedaction();
const S = 'S3CRET';

describe('query', () => {
  test.each([
    ['a=1;sig=S3CRET;b=2', 'a=1;sig=REDACTED;b=2'],
    ['sig=S3CRET;S3CRET', 'sig=REDACTED'],
    ['a=1?token=S3CRET', 'a=1?token=REDACTED'],
    ['next=/cb?token=S3CRET#x', 'next=/cb?token=REDACTED'],
    ['SIG=S3CRET&TOKEN=S3CRET&AWSACCESSKEYID=S3CRET', 'SIG=REDACTED&TOKEN=REDACTED&AWSACCESSKEYID=REDACTED'],
    ['%2573ig=S3CRET', '%2573ig=REDACTED'],
    ['%74oken%zz=S3CRET', '%74oken%zz=REDACTED'],
    ['api+key=S3CRET&user[password]=S3CRET', 'api+key=REDACTED&user[password]=REDACTED'],
    ['next=http%3A%2F%2Fh%2F%3Fsig%3DS3CRET&b=2', 'next=REDACTED&b=2'],
    ['next=http%3A%2F%2Fuser%3AS3CRET%40h%2F', 'next=REDACTED'],
    ['next=a%253Fsig%253DS3CRET', 'next=REDACTED'],
    ['a%3Fsig%3DS3CRET', 'REDACTED'],
    ['u=amqp://user:S3CRET@h', 'u=amqp://REDACTED:REDACTED@h'],
    ['http://user:S3CRET@h', 'http://REDACTED:REDACTED@h'],
    ['jwt=S3CRET&pass=S3CRET&accesskey=S3CRET', 'jwt=REDACTED&pass=REDACTED&accesskey=REDACTED'],
    ['design=a&compass=b&mail=me@example.com&t=12%3A30', 'design=a&compass=b&mail=me@example.com&t=12%3A30'],
  ])('%s', (given, expected) => {
    expect(query(given)).toBe(expected);
  });
});

describe('path', () => {
  test.each([
    ['/a;token=S3CRET;v=1/b', '/a;token=REDACTED;v=1/b'],
    ['/a%3Btoken%3DS3CRET/b', '/REDACTED/b'],
    ['/a;%74oken=S3CRET/b', '/a;%74oken=REDACTED/b'],
    ['/proxy/http://user:S3CRET@h/x', '/proxy/http://REDACTED:REDACTED@h/x'],
    ['user:S3CRET@shop.example:443', 'REDACTED:REDACTED@shop.example:443'],
    ['/@scope/package@1.0.0', '/@scope/package@1.0.0'],
    ['/a=b/c;d=e', '/a=b/c;d=e'],
  ])('%s', (given, expected) => {
    expect(path(given)).toBe(expected);
  });
});

describe('text', () => {
  test.each([
    ['connect to amqp://user:S3CRET@broker:5672/v', 'connect to amqp://REDACTED:REDACTED@broker:5672/v'],
    ['redis://:S3CRET@cache', 'redis://REDACTED:REDACTED@cache'],
    ['mongodb://u:S3CRET@a:1,b:2/db', 'mongodb://REDACTED:REDACTED@a:1,b:2/db'],
    ['amqp://u:S3CRET@a,amqp://u:S3CRET@b', 'amqp://REDACTED:REDACTED@a,amqp://REDACTED:REDACTED@b'],
    ['http://user:S3@CRET@h/x', 'http://REDACTED:REDACTED@h/x'],
    ['http://user:S3/C?R#ET@h/x', 'http://REDACTED:REDACTED@h/x'],
    ['http:\\\\user:S3CRET@h\\x', 'http:\\\\REDACTED:REDACTED@h\\x'],
    ['parse http://user:S3 S3CRET CRET@h:x/', 'parse http://REDACTED:REDACTED@h:x/'],
    ['http://h:80 is down, ask me@example.com', 'http://h:80 is down, ask me@example.com'],
    [
      'Headers.append: "S3\nCRET "x" is an invalid header value.',
      'Headers.append: "REDACTED" is an invalid header value.',
    ],
    ['user:S3CRET@h and user:S3@CRET@h', 'REDACTED:REDACTED@h and REDACTED:REDACTED@h'],
    ['HostName=h;SharedAccessKey=S3CRET=;Path=p', 'HostName=h;SharedAccessKey=REDACTED;Path=p'],
    ['Server=db; Password = S3CRET', 'Server=db; Password = REDACTED'],
    ['{"password":"S3CRET","a":"b"}', '{"password":"REDACTED","a":"b"}'],
    ['{\\"password\\":\\"S3CRET\\"}', '{\\"password\\":\\"REDACTED"}'],
    [`{ apiKey: 'S3CRET', token: "S3 CRET" }`, `{ apiKey: 'REDACTED', token: "REDACTED" }`],
    ['Authorization: Bearer S3CRET\r\nhost: h', 'Authorization: REDACTED\r\nhost: h'],
    ['Cookie: a=S3CRET; b=S3CRET\nx', 'Cookie: REDACTED\nx'],
    ["[ 'authorization', 'Basic S3CRET' ]", "[ 'authorization', 'Basic REDACTED' ]"],
    ['"Bearer S3CRET" is an invalid header value', '"Bearer REDACTED" is an invalid header value'],
    ["Cannot fetch '/x?sig=S3CRET'.", "Cannot fetch '/x?sig=REDACTED'."],
    ['invalid token: too long', 'invalid token: too long'],
    ['AuthError: no such user', 'AuthError: no such user'],
    [
      'at f (file:///app/node_modules/.pnpm/@a+b@1.0.0/node_modules/@a/b/index.js:1:2)',
      'at f (file:///app/node_modules/.pnpm/@a+b@1.0.0/node_modules/@a/b/index.js:1:2)',
    ],
    ['connect ECONNREFUSED 127.0.0.1:5672', 'connect ECONNREFUSED 127.0.0.1:5672'],
    ['http://localhost:3000/@scope/a', 'http://localhost:3000/@scope/a'],
  ])('%s', (given, expected) => {
    expect(text(given)).toBe(expected);
  });

  test('names that the user lists are secret beside the built-in ones', () => {
    expect(createRedaction(['mine']).text('http://h/?mine=S3CRET&token=S3CRET')).toBe(
      'http://h/?mine=REDACTED&token=REDACTED',
    );
  });

  test('a long one is cut, and never within a secret', () => {
    const long = text(`${'x '.repeat(8_180)}http://user:${S.repeat(50)}@h/`);
    expect(long.length).toBeLessThan(16_400);
    expect(long).not.toContain('S3C');
    expect(text('x'.repeat(1_000_000))).toBe('…');
  });

  test.each([
    ['//', '//'],
    ['at signs', '@'],
    ['credentials', '//a:b@'],
    ['malformed authorities', '//a:x/'],
    ['malformed authorities in words', '//a:x '],
    ['malformed authorities before a sign', '//a:x @ '],
    ['parameters', '&token=a'],
    ['open quotes', `token="`],
    ['quotes of each kind', `token='token="token=\``],
    ['semicolons', ';'],
    ['semicolons in a secret', 'token=;;'],
    ['percent signs', '%25'],
    ['encoded values', '%3Fa%3D'],
    ['equals signs', '='],
    ['colons', ':'],
    ['spaces', ' '],
    ['line ends', '\n'],
    ['schemes', 'bearer '],
    ['header names', 'x-key-'],
    ['header lines', 'cookie:'],
    ['numbers', '0'],
  ])('time grows no faster than length: %s', (_, unit) => {
    // Of the processor, whatever else the machine does. Milliseconds.
    const cost = (work: () => void) => {
      const before = process.cpuUsage();
      work();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    };
    const all = (length: number) => () => {
      const given = unit.repeat(length / unit.length);
      text(given);
      query(given);
      query(`a=${given}`);
      path(`/${given}`);
      header('referer', given);
    };
    all(1_000)();
    expect(cost(all(16_000))).toBeLessThan(200);
    // A message of a megabyte costs no more than what is kept of it.
    const huge = unit.repeat(1_000_000);
    expect(cost(() => text(huge))).toBeLessThan(200);
  });
});

describe('headers', () => {
  test.each<[string, unknown, string[]]>([
    ['authorization', 'Bearer S3CRET', ['Bearer REDACTED']],
    ['proxy-authorization', 'S3CRET', ['REDACTED']],
    ['cookie', 'a=S3CRET; b=S3CRET', ['a=REDACTED; b=REDACTED']],
    ['set-cookie', ['a=S3CRET; Path=/', 'b=S3CRET'], ['a=REDACTED; Path=/', 'b=REDACTED']],
    ['x-api-key', 'S3CRET', ['REDACTED']],
    ['x-csrf-token', 'S3CRET', ['REDACTED']],
    ['referer', 'http://u:S3CRET@h/?sig=S3CRET&a=1', ['http://REDACTED:REDACTED@h/?sig=REDACTED&a=1']],
    ['location', '/cb#access_token=S3CRET&a=1', ['/cb#access_token=REDACTED&a=1']],
    ['www-authenticate', 'Bearer realm="x"', ['Bearer realm="x"']],
    ['content-length', 12, ['12']],
    ['x-many', [1, 'a'], ['1', 'a']],
  ])('%s', (name, value, expected) => {
    expect(header(name, value)).toEqual(expected);
  });
});

const secret = fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 24 });

describe('random secrets', () => {
  const encoded = secret.map((one) => encodeURIComponent(`k${one}`));
  const place = fc.constantFrom<(value: string) => string>(
    (value) => `http://user:${value}@h/p`,
    (value) => `amqps://${value}:${value}@h:1/p?heartbeat=5`,
    (value) => `http://h/p?a=1&sig=${value}`,
    (value) => `http://h/p?a=1;access_token=${value};b=2#c`,
    (value) => `http://h/p#id_token=${value}`,
    (value) => `/p;session=${value}/q`,
    (value) => `Endpoint=sb://h/;SharedAccessKeyName=n;SharedAccessKey=${value}`,
  );
  const around = fc.constantFrom<(url: string) => string>(
    (url) => url,
    (url) => `connect failed: ${url}`,
    (url) => `Invalid URL "${url}"`,
    (url) => JSON.stringify({ message: 'no', config: { url } }),
    (url) => `Error: (${url})\n    at f (file:///a.js:1:1)`,
  );
  test('never stay in a text', () => {
    fc.assert(
      fc.property(encoded, place, around, (value, at, say) => {
        expect(text(say(at(value)))).not.toContain(value);
      }),
      { numRuns: 1_000 },
    );
  });
});
