import type { DifferentialCase, Ingredients } from './compare.ts';
import type { RawAnswer } from './raw-servers.ts';

type Origins = Pick<Ingredients, 'here' | 'there'>;

const moved = (status: number, location: string): RawAnswer => ({
  status,
  fields: [['location', location]],
  body: 'moved',
});
const DONE: RawAnswer = { status: 200, fields: [['x-answer', '42']], body: 'done' };

const bytes = (text: string) => new TextEncoder().encode(text);
const streamOf = (...chunks: unknown[]) =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
async function* pieces(...texts: string[]) {
  for (const text of texts) yield bytes(text);
}

/** Every body that `fetch` takes, and some that it refuses. */
export const BODIES: Readonly<Record<string, (from: Ingredients) => unknown>> = {
  none: () => undefined,
  null: () => null,
  text: () => 'text',
  'empty text': () => '',
  'text beyond ASCII': () => 'é€😀',
  bytes: () => bytes('bytes'),
  ArrayBuffer: () => bytes('buffer').buffer,
  DataView: () => new DataView(bytes('view').buffer),
  Buffer: () => Buffer.from('node'),
  Blob: () => new Blob(['blob'], { type: 'a/b' }),
  File: () => new File(['file'], 'name.txt', { type: 'text/x' }),
  URLSearchParams: () => new URLSearchParams({ a: '1', b: 'é' }),
  FormData: ({ FormData }) => {
    const form = new FormData();
    form.set('field', 'value');
    return form;
  },
  stream: () => streamOf(bytes('first '), bytes('last')),
  'empty stream': () => streamOf(),
  'stream of text': () => streamOf('no bytes'),
  'stream that breaks': () =>
    new ReadableStream({
      pull(controller) {
        controller.error(new RangeError('broken'));
      },
    }),
  'locked stream': () => {
    const stream = streamOf(bytes('x'));
    stream.getReader();
    return stream;
  },
  'async iterable': () => pieces('one ', 'two'),
  'iterable of numbers': () => [1, 2],
  number: () => 5,
  object: () => ({ a: 1 }),
  boolean: () => false,
  symbol: () => Symbol('body'),
};

/** Every form of headers, and some that are none. */
export const HEADERS: Readonly<Record<string, (from: Ingredients) => unknown>> = {
  object: () => ({ 'X-Own': '1', accept: 'a/b' }),
  'letter case': () => ({ 'x-a': '1', 'X-B': '2', Accept: 'text/x', 'User-Agent': 'mine' }),
  pairs: () => [
    ['X-Own', '1'],
    ['x-own', '2'],
  ],
  Headers: ({ Headers }) => new Headers({ 'X-Own': '1', 'b-first': '2' }),
  Map: () => new Map([['X-Own', '1']]),
  generator: () =>
    (function* () {
      yield ['X-Own', '1'];
      yield ['authorization', 'secret'];
    })(),
  URLSearchParams: () => new URLSearchParams({ 'x-own': '1' }),
  "a Request's": ({ Request, here }) => new Request(here, { headers: { 'X-Own': '1' } }).headers,
  'null prototype': () => Object.assign(Object.create(null), { 'x-own': '1' }),
  getter: ({ note }) => ({
    get 'x-own'() {
      note('header read');
      return '1';
    },
  }),
  frozen: () => Object.freeze({ 'x-own': '1' }),
  Proxy: () => new Proxy({ 'X-Own': '1' }, {}),
  'class instance': () =>
    new (class {
      'X-Own' = '1';
      other = 2;
    })(),
  numbers: () => ({ 'x-own': 5, 'x-null': null, 'x-undefined': undefined }),
  'empty value': () => ({ 'x-own': '' }),
  'secrets and hosts': () => ({
    authorization: 'Bearer x',
    cookie: 'a=1',
    'proxy-authorization': 'y',
    'x-own': '1',
  }),
  'content fields': () => ({ 'content-type': 'a/b', 'content-language': 'de', 'content-encoding': 'x' }),
  'beyond ASCII': () => ({ 'x-own': 'é' }),
  'beyond Latin-1': () => ({ 'x-own': '€' }),
  'a line break': () => ({ 'x-own': 'a\nb' }),
  'an illegal name': () => ({ 'x own': '1' }),
  'a symbol as name': () => ({ [Symbol('x')]: '1' }),
  'a pair of three': () => [['a', 'b', 'c']],
  'a generator that throws': () =>
    (function* () {
      yield ['x-own', '1'];
      throw new RangeError('mine');
    })(),
  'a getter that throws': () => ({
    get 'x-own'(): string {
      throw new RangeError('mine');
    },
  }),
  null: () => null,
  text: () => 'x-own: 1',
  number: () => 5,
  empty: () => ({}),
};

const INPUTS: Readonly<Record<string, (from: Ingredients) => unknown>> = {
  text: ({ here }) => `${here}/p?q=1#f`,
  URL: ({ here }) => new URL(`${here}/p?q=1#f`),
  Request: ({ Request, here }) => new Request(`${here}/p?q=1#f`, { headers: { 'X-Own': '1' } }),
  'Request with body': ({ Request, here }) => new Request(here, { method: 'POST', body: 'text' }),
  'Request with referrer': ({ Request, here }) =>
    new Request(here, {
      referrer: `${here}/from`,
      referrerPolicy: 'unsafe-url',
      credentials: 'omit',
      cache: 'no-store',
    }),
  'used Request': ({ Request, here }) => {
    const request = new Request(here, { method: 'POST', body: 'text' });
    request.text().catch(() => {});
    return request;
  },
  'Request of a subclass': ({ Request, here }) =>
    new (class Mine extends Request {
      #secret = `${here}/`;
      constructor(path: string) {
        super(here + path, { method: 'PUT', body: 'text' });
      }
      get secret() {
        return this.#secret;
      }
    })('/mine'),
  'Proxy of a Request': ({ Request, here }) => new Proxy(new Request(here), {}),
  'an object that turns into text': ({ here, note }) => ({
    toString() {
      note('toString');
      return `${here}/object`;
    },
  }),
  'an object with url': ({ here }) => ({ url: here }),
  'a list': ({ here }) => [`${here}/list`],
  'upper case': ({ here }) => `${here.replace('http', 'HTTP')}/%7Ea/../b c`,
  'two slashes': ({ here }) => `${here}//other.example/x`,
  'a question mark alone': ({ here }) => `${here}/p?`,
  'spaces around': ({ here }) => `  ${here}/p  `,
  'beyond ASCII': ({ here }) => `${here}/é?€`,
  credentials: ({ here }) => here.replace('//', '//user:pass@'),
  'a user alone': ({ here }) => here.replace('//', '//user@'),
  relative: () => '/p',
  empty: () => '',
  'no URL': () => 'http://',
  'data:': () => 'data:text/plain,hello',
  'about:': () => 'about:blank',
  'file:': () => 'file:///nowhere',
  'ftp:': () => 'ftp://127.0.0.1/',
  'a forbidden port': () => 'http://127.0.0.1:25/',
  null: () => null,
  undefined: () => undefined,
  number: () => 5,
  symbol: () => Symbol('url'),
};

const MEMBERS =
  'method headers body referrer referrerPolicy mode credentials cache redirect integrity keepalive signal window duplex priority dispatcher trace other';
const VALUES: Readonly<Record<string, unknown>> = {
  null: null,
  undefined,
  number: 5,
  'empty text': '',
  text: 'nonsense',
  object: {},
  symbol: Symbol('value'),
  true: true,
  false: false,
  function: () => 'x',
  bigint: 1n,
};

/** Values of the enumerations, each in its own member. */
export const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  mode: ['cors', 'no-cors', 'same-origin', 'navigate', 'websocket'],
  credentials: ['omit', 'same-origin', 'include'],
  cache: ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'],
  redirect: ['follow', 'error', 'manual'],
  referrerPolicy: ['no-referrer', 'origin', 'unsafe-url', 'same-origin', 'strict-origin-when-cross-origin'],
  referrer: ['about:client', '/relative', 'http://127.0.0.1/from', 'https://elsewhere.example/x'],
  method: [
    'get',
    'Head',
    'pOST',
    'patch',
    'PATCH',
    'PURGE',
    'purge',
    'OPTIONS',
    'CONNECT',
    'TRACE',
    'A B',
    '',
  ],
  integrity: ['sha256-AAAA', 'nonsense', `sha256-a4oFlO34bEfIpKHWy9A6bkgc8gkr56zr7bGHB6Vd6M4=`],
};

const simple = (title: string, init: (from: Ingredients) => unknown): DifferentialCase => ({
  title,
  args: (from) => [`${from.here}/p`, init(from)],
});

/** An init whose members are not its own enumerable properties. */
class InitWithPrivateFields {
  readonly #method: string;
  readonly #note: Ingredients['note'];
  constructor(method: string, note: Ingredients['note']) {
    this.#method = method;
    this.#note = note;
  }
  get method() {
    this.#note('method');
    return this.#method;
  }
  get headers() {
    this.#note('headers');
    return { 'X-Own': this.#method };
  }
  get body() {
    this.#note('body');
    return 'private';
  }
}

const INITS: Readonly<Record<string, (from: Ingredients) => unknown>> = {
  none: () => undefined,
  null: () => null,
  number: () => 5,
  text: () => 'POST',
  true: () => true,
  symbol: () => Symbol('init'),
  bigint: () => 1n,
  list: () => [],
  function: () => Object.assign(() => {}, { method: 'PUT' }),
  empty: () => ({}),
  inherited: () => Object.create({ method: 'DELETE', headers: { 'X-Own': '1' } }),
  'inherited twice': () => Object.create(Object.create({ method: 'DELETE' })),
  'not enumerable': () => Object.defineProperty({}, 'method', { value: 'PUT' }),
  'null prototype': () => Object.assign(Object.create(null), { method: 'PUT' }),
  'private fields': ({ note }) => new InitWithPrivateFields('PUT', note),
  frozen: () =>
    Object.freeze({ method: 'PUT', body: 'x', dispatcher: undefined, headers: Object.freeze({ a: '1' }) }),
  Proxy: ({ note }) =>
    new Proxy({ method: 'PUT', body: 'x' } as Record<string | symbol, unknown>, {
      get(target, name) {
        if (name !== 'trace') note(String(name));
        return target[name];
      },
    }),
  'a Request': ({ Request, here }) =>
    new Request(here, { method: 'PATCH', body: 'x', headers: { 'X-Own': '1' }, redirect: 'error' }),
  'a getter that throws': () => ({
    get method(): string {
      throw new RangeError('mine');
    },
  }),
  'a getter that throws after a wrong value': () => ({
    credentials: 'wrong',
    get method(): string {
      throw new RangeError('mine');
    },
  }),
  'methods that turn into text': ({ note }) => ({
    method: {
      toString() {
        note('method');
        return 'put';
      },
    },
  }),
  'an aborted signal': () => ({ signal: AbortSignal.abort() }),
  'a signal aborted with a reason': () => ({ signal: AbortSignal.abort('reason') }),
  'keepalive and duplex': () => ({ method: 'POST', body: 'x', keepalive: true, duplex: 'half' }),
  'a stream without duplex': () => ({ method: 'POST', body: streamOf(bytes('x')) }),
  'GET with a body': () => ({ body: 'x' }),
  'HEAD with a body': () => ({ method: 'HEAD', body: 'x' }),
  'window null': () => ({ window: null }),
};

/** Where a redirect may point to. */
export const LOCATIONS: Readonly<Record<string, (origins: Origins) => string>> = {
  relative: () => 'end?q#f',
  empty: () => '',
  'a fragment': () => '/end#own',
  'a fragment alone': () => '#own',
  'another path': () => '/end',
  'a query alone': () => '?a=b',
  'the other origin': ({ there }) => `${there}/end`,
  'without scheme': ({ there }) => `${there.replace('http:', '')}/end`,
  'two slashes': ({ here }) => `${here}//elsewhere.example/end`,
  'bytes of UTF-8': () => Buffer.from('/end/é').toString('latin1'),
  'bytes of Latin-1': () => '/end/\xe9',
  spaces: () => '/a b',
  invalid: () => 'http://[broken',
  'no host': () => 'http://',
  'ftp:': () => 'ftp://127.0.0.1/',
  'data:': () => 'data:text/plain,x',
  'about:': () => 'about:blank',
  'a forbidden port': () => 'http://127.0.0.1:25/',
  credentials: ({ here }) => `${here.replace('//', '//user:pass@')}/end`,
  'credentials elsewhere': ({ there }) => `${there.replace('//', '//user:pass@')}/end`,
};

const REDIRECTING_INPUTS: Readonly<Record<string, (from: Ingredients, init: object) => readonly unknown[]>> =
  {
    text: ({ here }, init) => [`${here}/start#part`, init],
    Request: ({ Request, here }, init) => [new Request(`${here}/start#part`, init)],
    'Request and init': ({ Request, here }, init) => [
      new Request(`${here}/start`, { method: 'PATCH', body: 'of the request' }),
      { ...init, body: undefined },
    ],
  };

const KEEPS = { 'X-Own': '1', authorization: 'secret', cookie: 'a=1', 'content-language': 'de' };

function redirected(
  title: string,
  init: (from: Ingredients) => object,
  answers: (origins: Origins) => readonly RawAnswer[],
): DifferentialCase[] {
  return Object.entries(REDIRECTING_INPUTS).map(([name, args]) => ({
    title: `${name}, ${title}`,
    args: (from) => args(from, init(from)),
    answers: (origins) => [...answers(origins), DONE],
  }));
}

const redirectCases: DifferentialCase[] = [
  ...[300, 301, 302, 303, 304, 305, 307, 308].flatMap((status) =>
    ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PURGE'].flatMap((method) =>
      (method === 'GET' || method === 'HEAD' ? ['none'] : ['none', 'text', 'stream']).flatMap((body) =>
        (['here', 'there'] as const).flatMap((origin) =>
          redirected(
            `${status} of ${method}, body: ${body}, to ${origin}`,
            (from) => ({ method, body: BODIES[body]?.(from), headers: KEEPS, duplex: 'half' }),
            (origins) => [moved(status, `${origins[origin]}/end`)],
          ),
        ),
      ),
    ),
  ),
  ...Object.entries(LOCATIONS).flatMap(([name, location]) =>
    redirected(
      `location: ${name}`,
      () => ({}),
      (origins) => [moved(302, location(origins))],
    ),
  ),
  ...Object.entries(SETTINGS).flatMap(([member, values]) =>
    values.flatMap((value) =>
      (['here', 'there'] as const).flatMap((origin) =>
        ['POST', 'GET'].flatMap((method) =>
          redirected(
            `${member}: ${value}, ${method} to ${origin}`,
            () => ({ method, ...(method === 'POST' && { body: 'x' }), [member]: value }),
            (origins) => [moved(307, `${origins[origin]}/end`)],
          ).filter(
            ({ title }) =>
              !(
                title.startsWith('Request') &&
                /referrer: .relative|mode: (navigate|websocket)|method: (A B|CONN|TRACE|, |get|Head)|only-if/.test(
                  title,
                )
              ),
          ),
        ),
      ),
    ),
  ),
  ...Object.entries(BODIES).flatMap(([name, body]) =>
    [303, 307].map((status) => ({
      title: `text, ${status}, body: ${name}`,
      args: (from: Ingredients) => [
        `${from.here}/start`,
        { method: 'POST', body: body(from), duplex: 'half' },
      ],
      answers: () => [moved(status, '/end'), DONE],
    })),
  ),
  ...Object.entries(HEADERS).map(([name, headers]) => ({
    title: `text, 302, headers: ${name}`,
    args: (from: Ingredients) => [`${from.here}/start`, { headers: headers(from) }],
    answers: ({ there }: Origins) => [moved(302, `${there}/end`), DONE],
  })),
  ...redirected(
    'away and back',
    () => ({ headers: KEEPS }),
    ({ here, there }) => [moved(302, `${there}/a`), moved(307, `${here}/b`)],
  ),
  ...redirected(
    'no location',
    () => ({}),
    () => [{ status: 302, body: 'nowhere' }],
  ),
  ...redirected(
    'two locations',
    () => ({}),
    () => [
      {
        status: 302,
        fields: [
          ['location', '/a'],
          ['location', '/b'],
        ],
      },
    ],
  ),
  ...redirected(
    'an answer of 500 after it',
    () => ({}),
    () => [moved(302, '/a'), { status: 500, body: 'no' }],
  ),
  ...[19, 20, 21].flatMap((length) =>
    redirected(
      `a chain of ${length}`,
      () => ({ method: 'POST', body: 'x' }),
      () => Array.from({ length }, (_, at) => moved(307, `/${at}`)),
    ),
  ),
];

/** A call given up when its request number `count` arrives. */
function givenUp(count: number, input: 'text' | 'Request', reason?: unknown): DifferentialCase {
  let controller = new AbortController();
  return {
    title: `${input}, given up at request ${count} ${String(reason)}`,
    args(from) {
      controller = new AbortController();
      const { signal } = controller;
      return input === 'text'
        ? [`${from.here}/0`, { signal }]
        : [new from.Request(`${from.here}/0`, { signal })];
    },
    answers: () => [moved(302, '/1'), moved(302, '/2'), DONE],
    onRequest: (at) => at === count && controller.abort(reason),
  };
}

/** The table: some 2 000 calls. */
export const CASES: readonly DifferentialCase[] = [
  ...Object.entries(INPUTS).flatMap(([name, input]) =>
    (['none', 'private fields', 'empty', 'inherited', 'a Request', 'number'] as const).map((init) => ({
      title: `input: ${name}, init: ${init}`,
      args: (from: Ingredients) => [input(from), INITS[init]?.(from)],
    })),
  ),
  ...Object.entries(INITS).map(([name, init]) => simple(`init: ${name}`, init)),
  ...Object.entries(HEADERS).map(([name, headers]) =>
    simple(`headers: ${name}`, (from) => ({ headers: headers(from) })),
  ),
  ...Object.entries(BODIES).flatMap(([name, body]) => [
    simple(`body: ${name}`, (from) => ({ method: 'POST', body: body(from), duplex: 'half' })),
    {
      title: `Request, body: ${name}`,
      args: (from: Ingredients) => [
        new from.Request(from.here, { method: 'POST', body: 'of the request' }),
        { body: body(from), duplex: 'half' },
      ],
    },
  ]),
  ...MEMBERS.split(' ').flatMap((member) =>
    Object.entries(VALUES).flatMap(([name, value]) => [
      simple(`${member}: ${name}`, () => ({ [member]: value })),
      {
        title: `Request, ${member}: ${name}`,
        args: (from: Ingredients) => [new from.Request(from.here), { [member]: value }],
      },
    ]),
  ),
  ...Object.entries(SETTINGS).flatMap(([member, values]) =>
    values.map((value) => simple(`${member}: ${value}`, () => ({ [member]: value }))),
  ),
  ...redirectCases,
  ...[1, 2, 3].flatMap((count) =>
    (['text', 'Request'] as const).flatMap((input) => [
      givenUp(count, input),
      givenUp(count, input, new RangeError('mine')),
      givenUp(count, input, 'text'),
    ]),
  ),
  { title: 'no argument', args: () => [] },
];
