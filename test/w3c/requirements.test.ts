/**
 * The requirements of W3C Trace Context Level 2 on a service: what is sent to it, and what arrives where it calls.
 *
 * `W3C_SERVICE_FOLDER` and `SDK_MODULE` point at another installation of the service; see run-sdk2.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HeaderLine, Listener, postRaw, type Service, startService } from './wire.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT_ID = '00f067aa0ba902b7';
const IDS = `${TRACE_ID}-${PARENT_ID}`;
const VALID = `00-${IDS}-01`;
const OTHER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

interface Row {
  /** Of `wire-formats.md`. */
  readonly id: `T${number}`;
  readonly title: string;
  /** Header lines, as they go onto the wire. */
  readonly lines: readonly string[];
  /** What arrives: the caller's trace or another. */
  readonly trace: 'continued' | 'new';
  /** @default '01' */
  readonly flags?: string;
  /** The one `tracestate` line that arrives; none by default. */
  readonly state?: string;
}

type Rest = Partial<Pick<Row, 'flags' | 'state'>>;

const continued = (id: Row['id'], title: string, lines: string | string[], rest: Rest = {}): Row => {
  return { id, title, lines: [lines].flat(), trace: 'continued', ...rest };
};
const restarted = (id: Row['id'], title: string, lines: string | string[]): Row => {
  return { id, title, lines: [lines].flat(), trace: 'new' };
};

/** Valid and malformed `traceparent` fields: one line each unless the row is about several. */
const TRACEPARENT: Row[] = [
  ...['traceparent', 'TraceParent', 'tRaCePaReNt', 'TRACEPARENT'].map((name) =>
    continued('T1', `the name ${name}`, `${name}: ${VALID}`),
  ),
  ...['trace-parent', 'trace.parent', 'trace_parent', 'x-traceparent'].map((name) =>
    restarted('T1', `the name ${name}, which is another header`, `${name}: ${VALID}`),
  ),

  continued('T2', 'a valid field', `traceparent: ${VALID}`),
  ...[
    ['no white space before it', `traceparent:${VALID}`],
    ['a space behind it', `traceparent: ${VALID} `],
    ['a tab before it', `traceparent:\t${VALID}`],
    ['a tab behind it', `traceparent:${VALID}\t`],
    ['tabs and spaces around it', `traceparent:\t  ${VALID} \t `],
  ].map(([title = '', line = '']) => continued('T2', `optional white space: ${title}`, line)),
  ...[
    ['an empty field', ''],
    ['white space that HTTP does not know before it', `\u00a0${VALID}`],
    ['white space that HTTP does not know behind it', `${VALID}\u00a0`],
    ['an all-zero trace id', `00-${'0'.repeat(32)}-${PARENT_ID}-01`],
    ['an all-zero parent id', `00-${TRACE_ID}-${'0'.repeat(16)}-01`],
    ['upper case in the trace id', `00-${TRACE_ID.toUpperCase()}-${PARENT_ID}-01`],
    ['upper case in the parent id', `00-${TRACE_ID}-${PARENT_ID.toUpperCase()}-01`],
    ['an illegal character at the start of the trace id', `00-.${TRACE_ID.slice(1)}-${PARENT_ID}-01`],
    ['an illegal character at the end of the trace id', `00-${TRACE_ID.slice(1)}.-${PARENT_ID}-01`],
    ['a trace id of 31 digits', `00-${TRACE_ID.slice(1)}-${PARENT_ID}-01`],
    ['a trace id of 33 digits', `00-${TRACE_ID}7-${PARENT_ID}-01`],
    ['an illegal character at the start of the parent id', `00-${TRACE_ID}-.${PARENT_ID.slice(1)}-01`],
    ['an illegal character at the end of the parent id', `00-${TRACE_ID}-${PARENT_ID.slice(1)}.-01`],
    ['a parent id of 15 digits', `00-${TRACE_ID}-${PARENT_ID.slice(1)}-01`],
    ['a parent id of 17 digits', `00-${TRACE_ID}-${PARENT_ID}7-01`],
    ['flags that begin with an illegal character', `00-${IDS}-.1`],
    ['flags that end with an illegal character', `00-${IDS}-0.`],
    ['flags of one digit', `00-${IDS}-1`],
    ['flags of three digits', `00-${IDS}-001`],
    ['no flags', `00-${IDS}`],
    ['another separator', VALID.replaceAll('-', '_')],
    ['version ff', `ff-${IDS}-01`],
  ].map(([title = '', value]) => restarted('T2', title, `traceparent: ${value}`)),

  ...['.', '-', '-what-comes-after', ' 1'].map((tail) =>
    restarted('T3', `version 00 with the tail '${tail}'`, `traceparent: ${VALID}${tail}`),
  ),

  continued('T4', 'a higher version of the same length', `traceparent: cc-${IDS}-01`),
  continued('T4', 'a higher version with a further field', `traceparent: cc-${IDS}-01-what-comes-after`),
  continued('T4', 'the next version', `traceparent: 01-${IDS}-01`),
  ...[
    ['with a tail that no dash parts from the flags', `cc-${IDS}-01.what-comes-after`],
    ['that is too short', `cc-${IDS}-1`],
    ['with an illegal trace id', `cc-.${TRACE_ID.slice(1)}-${PARENT_ID}-01`],
    ['with an illegal parent id', `cc-${TRACE_ID}-.${PARENT_ID.slice(1)}-01`],
    ['with illegal flags', `cc-${IDS}-.1-more`],
    ['with an all-zero trace id', `cc-${'0'.repeat(32)}-${PARENT_ID}-01`],
  ].map(([title, value]) => restarted('T4', `a higher version ${title}`, `traceparent: ${value}`)),
  continued('T5', 'flags that a higher version may have given a meaning', `traceparent: cc-${IDS}-fd`),
  ...['.0', '0.', '0', '000', '0000', 'CC', '-0'].map((version) =>
    restarted('T6', `the version '${version}'`, `traceparent: ${version}-${IDS}-01`),
  ),

  ...Object.entries({ ff: '03', fc: '00', '05': '01', '80': '00' }).map(([sent, flags]) =>
    continued('T7', `unknown bits of the flags ${sent}`, `traceparent: 00-${IDS}-${sent}`, { flags }),
  ),
  ...['00', '01'].map((flags) =>
    continued('T8', `the sampled flag of ${flags}`, `traceparent: 00-${IDS}-${flags}`, { flags }),
  ),
  ...['00', '01', '02', '03'].map((flags) =>
    continued('T9', `the random flag of ${flags}`, `traceparent: 00-${IDS}-${flags}`, { flags }),
  ),
  restarted('T10', 'a new trace claims no randomness that nobody has vouched for', []),

  restarted('T11', 'two fields', [`traceparent: ${VALID}`, `traceparent: ${OTHER}`]),
  restarted('T11', 'two fields in other letter case', [`traceparent: ${VALID}`, `TraceParent: ${OTHER}`]),
  restarted('T11', 'twice the same field', [`traceparent: ${VALID}`, `traceparent: ${VALID}`]),
  restarted('T11', 'a malformed field beside a valid one', ['traceparent: x', `traceparent: ${VALID}`]),
  restarted('T11', 'two values joined by a comma', `traceparent: ${VALID}, ${OTHER}`),
  restarted('T11', 'two values of a higher version joined by a comma', [
    `traceparent: cc-${IDS}-01-a, cc-${IDS}-01-b`,
  ]),
  restarted('T25', 'neither header: a trace begins here', []),
  continued('T25', 'a decision not to sample travels on', `traceparent: 00-${IDS}-00`, { flags: '00' }),
  restarted('T28', 'a field of 8000 characters', `traceparent: cc-${IDS}-01-${'a'.repeat(8000)}`),
];

/** `tracestate` lines beside a valid, unsampled `traceparent`. */
const beside = (id: Row['id'], title: string, lines: string | string[], state?: string): Row => {
  const sent = [lines].flat().map((line) => `tracestate: ${line}`);
  return named(id, title, sent, state);
};
const named = (id: Row['id'], title: string, lines: string[], state?: string): Row =>
  continued(id, title, [`traceparent: 00-${IDS}-00`, ...lines], {
    flags: '00',
    ...(state === undefined ? undefined : { state }),
  });
const members = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `key${from + i}=${from + i}`).join(',');

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const KEY = `${LETTERS}0123456789_-*/@`;
const VALUE = Array.from({ length: 0x5f }, (_, i) => String.fromCharCode(0x20 + i))
  .join('')
  .replace(/[,=]/g, '');
/** A member of this many characters. */
const member = (key: string, length: number) => `${key}=${'v'.repeat(length - key.length - 1)}`;

const TRACESTATE: Row[] = [
  ...['tracestate', 'TraceState', 'tRaCeStAtE', 'TRACESTATE'].map((name) =>
    named('T1', `the name ${name}`, [`${name}: foo=1`], 'foo=1'),
  ),
  ...['trace-state', 'trace.state', 'trace_state'].map((name) =>
    named('T1', `the name ${name}, which is another header`, [`${name}: foo=1`]),
  ),

  beside('T12', 'a malformed list costs the traceparent nothing', 'FOO;;', undefined),
  restarted('T12', 'beside a malformed traceparent', [`traceparent: 00-${IDS}-0`, 'tracestate: foo=1']),
  restarted('T13', 'without traceparent', 'tracestate: foo=1'),
  restarted('T13', 'two members without traceparent', 'tracestate: foo=1,bar=2'),
  restarted('T24', 'beside two traceparent fields', [
    `traceparent: ${VALID}`,
    `traceparent: ${OTHER}`,
    'tracestate: foo=1',
  ]),

  beside('T14', 'two lines', ['foo=1', 'bar=2'], 'foo=1,bar=2'),
  beside(
    'T14',
    'three lines of several members',
    ['foo=1,bar=2', 'rojo=1,congo=2', 'baz=3'],
    'foo=1,bar=2,rojo=1,congo=2,baz=3',
  ),
  named('T14', 'lines of other letter case', ['tracestate: foo=1', 'TraceState: bar=2'], 'foo=1,bar=2'),

  beside('T15', 'two members', 'foo=1,bar=2', 'foo=1,bar=2'),
  beside('T15', 'every character of a key and of a value', `${KEY}=${VALUE}`, `${KEY}=${VALUE}`),
  ...['1foo', 'foo@bar', 'foo@', 'foo@@bar', 't@1v', '0', `${LETTERS}@${'v'.repeat(15)}`].map((key) =>
    beside('T15', `the Level 2 key ${key}`, `${key}=1`, `${key}=1`),
  ),
  ...['FOO', 'foo.bar', 'foo ', 'fo o', '@foo', '_foo', '-foo', '*foo', '/foo', 'föö', ''].map((key) =>
    beside('T15', `the illegal key '${key}'`, `${key}=1`),
  ),
  beside('T15', 'a key of 256 characters', `${'z'.repeat(256)}=1`, `${'z'.repeat(256)}=1`),
  beside('T15', 'a key of 257 characters', ['foo=1', `${'z'.repeat(257)}=1`]),
  beside(
    'T15',
    'a tenant of 241 and a system of 14 characters',
    ['foo=1', `${'t'.repeat(241)}@${'v'.repeat(14)}=1`],
    `foo=1,${'t'.repeat(241)}@${'v'.repeat(14)}=1`,
  ),
  beside('T15', 'a tenant of 242 characters', `${'t'.repeat(242)}@v=1`, `${'t'.repeat(242)}@v=1`),
  beside('T15', 'a value of 256 characters', `foo=${'v'.repeat(256)}`, `foo=${'v'.repeat(256)}`),
  beside('T15', 'a value of 257 characters', `foo=${'v'.repeat(257)}`),
  ...['foo=bar=baz', 'foo=', 'foo', 'foo=é'].map((text) =>
    beside('T15', `the malformed member '${text}'`, text),
  ),
  beside('T15', 'spaces before a value belong to it', 'foo=  1,bar=2', 'foo=  1,bar=2'),
  ...[' foo=1', '\tfoo=1', 'foo=1 ', 'foo=1\t', '\t foo=1 \t'].map((text) =>
    beside('T15', `optional white space: ${JSON.stringify(text)}`, text, 'foo=1'),
  ),
  ...['foo=1 \t , \t bar=2, \t baz=3', 'foo=1\t \t,\t \tbar=2,\t \tbaz=3'].map((text) =>
    beside('T15', `optional white space: ${JSON.stringify(text)}`, text, 'foo=1,bar=2,baz=3'),
  ),

  ...['', ' ', ',', ', \t ,'].map((text) =>
    beside('T16', `the empty list ${JSON.stringify(text)} is not sent on`, text),
  ),
  beside('T16', 'an empty line behind another', ['foo=1', ''], 'foo=1'),
  beside('T16', 'an empty line before another', ['', 'foo=1'], 'foo=1'),
  beside('T16', 'empty members', ',foo=1,, ,bar=2,', 'foo=1,bar=2'),

  beside('T17', '32 members', members(1, 32), members(1, 32)),
  beside(
    'T17',
    '32 members in four lines',
    [members(1, 10), members(11, 20), members(21, 30), members(31, 32)],
    members(1, 32),
  ),
  beside('T17', '33 members', members(1, 33)),
  beside('T17', '33 members in four lines', [
    members(1, 10),
    members(11, 20),
    members(21, 30),
    members(31, 33),
  ]),
  beside('T17', '32 members and empty ones', `,,${members(1, 32)},,`, members(1, 32)),

  beside(
    'T18',
    '512 characters',
    `${member('a', 256)},${member('b', 255)}`,
    `${member('a', 256)},${member('b', 255)}`,
  ),
  beside(
    'T18',
    'more: members over 128 characters go first, the last of them before others',
    [member('a', 200), member('b', 100), member('c', 200), member('d', 100)].join(','),
    [member('a', 200), member('b', 100), member('d', 100)].join(','),
  ),
  beside(
    'T18',
    'more: then members from the right',
    [1, 2, 3, 4, 5, 6].map((i) => member(`k${i}`, 100)).join(','),
    [1, 2, 3, 4, 5].map((i) => member(`k${i}`, 100)).join(','),
  ),
  beside('T19', 'the order is kept', 'b=1,a=2,c=3', 'b=1,a=2,c=3'),
  beside('T20', 'a key twice with one value', 'foo=1,foo=1', 'foo=1'),
  beside('T20', 'a key twice: the newest is kept', 'foo=1,bar=2,foo=3', 'foo=1,bar=2'),
  beside('T20', 'a key twice in two lines', ['foo=1', 'foo=2'], 'foo=1'),
  beside('T21', 'a bad member before a good one discards the list', '@foo=1,bar=2'),
  beside('T21', 'a bad member behind a good one discards the list', 'bar=2,foo=1=1'),
  beside('T21', 'an empty value discards the list', 'foo=,bar=3'),
  beside('T28', 'a list of 9000 characters', member('a', 9000)),
];

const TRACEPARENT_OUT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-(0[0-3])$/;

interface Arrived {
  readonly traceId: string;
  readonly parentId: string;
  readonly flags: string;
  readonly state: string | undefined;
}

/** What a call carried. Whatever came in, this much holds for all that goes out. */
function arrived(lines: readonly HeaderLine[]): Arrived {
  const fields = (name: string) => lines.filter((line) => line[0].toLowerCase() === name);
  const parents = fields('traceparent');
  const states = fields('tracestate');
  expect(parents, 'T22: exactly one traceparent').toHaveLength(1);
  expect(states.length, 'T14: tracestate in one line').toBeLessThan(2);
  for (const [name] of [...parents, ...states]) expect(name, 'T1: lower case').toBe(name.toLowerCase());
  const [, value = ''] = parents[0] ?? [];
  expect(value, 'T2, T5, T7: a legal version 00').toMatch(TRACEPARENT_OUT);
  const [, traceId = '', parentId = '', flags = ''] = TRACEPARENT_OUT.exec(value) ?? [];
  const state = states[0]?.[1];
  expect(state, 'T16: no empty tracestate').not.toBe('');
  return { traceId, parentId, flags, state };
}

const FOLDER = process.env.W3C_SERVICE_FOLDER ?? import.meta.dirname;

describe.each(['express', 'fastify', 'koa', 'http'])('%s', (adapter) => {
  const listener = new Listener();
  let service: Service | undefined;
  let sent = 0;

  beforeAll(async () => {
    await listener.start();
    service = await startService(adapter, FOLDER);
  });

  afterAll(() => {
    service?.stop();
    listener.close();
  });

  /** Sends these header lines to the service and asks it for `calls` calls. */
  async function ask(lines: readonly string[], calls = 1) {
    if (service === undefined) throw new Error('the service has not started');
    const paths = Array.from({ length: calls }, () => `/call/${++sent}`);
    const instructions = paths.map((path) => ({ url: listener.url(path), arguments: [] }));
    const answer = await postRaw(service.url, lines, instructions);
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    return { answer, calls: paths.map((path) => arrived(listener.take(path))) };
  }

  it.each([...TRACEPARENT, ...TRACESTATE])('$id $title → $trace', async (row) => {
    const [call] = (await ask(row.lines)).calls;
    if (row.trace === 'continued') {
      expect(call?.traceId).toBe(TRACE_ID);
    } else {
      const all = row.lines.join('\n').toLowerCase();
      expect(all, 'a trace of its own').not.toContain(call?.traceId);
    }
    expect(call?.parentId, 'T22: a parent id of its own').not.toBe(PARENT_ID);
    expect(call?.flags).toBe(row.flags ?? '01');
    expect(call?.state).toBe(row.state);
  });

  it.each([
    ['T22 calls for one request share its trace', [`traceparent: ${VALID}`], TRACE_ID],
    ['T25 calls without traceparent', [], undefined],
    ['T2 calls with a refused traceparent', [`traceparent: 00-${'0'.repeat(32)}-${PARENT_ID}-01`], undefined],
  ])('%s, each with a parent id of its own', async (_, lines, traceId) => {
    const { calls } = await ask(lines, 3);
    const traceIds = new Set(calls.map((call) => call.traceId));
    expect(traceIds.size).toBe(1);
    if (traceId !== undefined) expect(traceIds).toContain(traceId);
    expect(new Set([PARENT_ID, ...calls.map((call) => call.parentId)]).size).toBe(4);
  });

  it('T23 T29 T30 tells the caller nothing it has not asked for', async () => {
    const { answer } = await ask([`traceparent: ${VALID}`, 'tracestate: foo=1']);
    expect(answer.toLowerCase()).not.toMatch(/trace(?:parent|state|response)|server-timing/);
  });
});
