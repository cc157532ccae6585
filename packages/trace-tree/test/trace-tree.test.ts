import { stripVTControlCharacters } from 'node:util';
import {
  buildTraces,
  findSplits,
  groupTraces,
  judge,
  overlapping,
  renderTraces,
  treeStyleFor,
} from '@throughline/trace-tree';
import { describe, expect, test } from 'vitest';
import { span } from '../../../test/e2e/spans.ts';

const plain = { fancy: false, width: 80 };

function hop(traceId: string, start: number, cart = '1') {
  const attributes = { 'http.request.method': 'POST', 'url.full': `http://orders/orders/${cart}` };
  const server = span({ traceId, service: 'gateway', name: 'POST', start, end: start + 20 });
  const client = span({
    traceId,
    parentId: server.spanId,
    kind: 'CLIENT',
    service: 'gateway',
    name: 'POST',
    start: start + 2,
    end: start + 18,
    attributes,
  });
  return { server, client };
}

function torn(traceId: string, start: number, cart = '1') {
  const attributes = { 'http.request.method': 'POST', 'url.path': `/orders/${cart}` };
  return span({ traceId, service: 'orders', name: 'POST /orders', start, end: start + 10, attributes });
}

describe('the tree', () => {
  test('shows children below their parents, with bars on one scale', () => {
    const root = span({ name: 'GET /a', start: 0, end: 40 });
    const first = span({ parentId: root.spanId, kind: 'CLIENT', name: 'GET', start: 0, end: 20 });
    const leaf = span({ parentId: first.spanId, service: 'stock', name: 'GET /s', start: 10, end: 20 });
    const second = span({ parentId: root.spanId, kind: 'INTERNAL', name: 'work', start: 20, end: 40 });
    // A child may arrive before its parent.
    const text = renderTraces(buildTraces([leaf, second, first, root]), plain);
    expect(text).toBe(
      `trace ${'a'.repeat(32)}  2 services, 4 spans, 40.0 ms
  web SERVER GET /a         ########################################   40.0 ms
  |- web CLIENT GET         ####################                       20.0 ms
  |  \`- stock SERVER GET /s           ##########                       10.0 ms
  \`- web INTERNAL work                          ####################   20.0 ms
`,
    );
  });

  test('starts at the earliest span, even where a clock puts a child before its parent', () => {
    const root = span({ start: 10, end: 30 });
    const early = span({ parentId: root.spanId, service: 'skewed', start: 0, end: 20 });
    const [, parent = '', child = ''] = renderTraces(buildTraces([root, early]), plain).split('\n');
    expect(child.indexOf('#')).toBeLessThan(parent.indexOf('#'));
    expect(parent).toContain('20.0 ms');
  });

  test('gives every span a bar, also in a trace of no length', () => {
    const root = span({ start: 5, end: 5 });
    const text = renderTraces(buildTraces([root, span({ parentId: root.spanId, start: 5, end: 5 })]), plain);
    expect(text.match(/#+/g)).toHaveLength(2);
    expect(text).not.toMatch(/NaN|Infinity/);
  });

  test('shows spans whose parent is missing', () => {
    const orphan = span({ parentId: 'f'.repeat(16), kind: 'INTERNAL' });
    const traces = buildTraces([span(), orphan]);
    expect(renderTraces(traces, plain)).toContain(`its parent ${'f'.repeat(16)} was not received`);
    expect(judge(traces)).toMatchObject({ connected: false, text: expect.stringContaining('in 2 pieces') });
  });

  test('shows spans that name each other as parent, each once', () => {
    const one = span({ spanId: '1'.repeat(16), parentId: '2'.repeat(16), start: 0 });
    const two = span({ spanId: '2'.repeat(16), parentId: '1'.repeat(16), start: 1 });
    const self = span({ spanId: '3'.repeat(16), parentId: '3'.repeat(16), start: 2 });
    const traces = buildTraces([one, two, self]);
    expect(traces[0]?.rows.map((row) => row.span)).toEqual([one, two, self]);
    expect(renderTraces(traces, plain)).toContain('also its descendant');
    expect(judge(traces).connected).toBe(false);
  });

  test('shows each span once where two share an id', () => {
    const spanId = '1'.repeat(16);
    const outer = span({ spanId });
    const first = span({ parentId: spanId, start: 1 });
    const inner = span({ spanId, parentId: first.spanId, start: 2 });
    const second = span({ parentId: spanId, start: 3 });
    const [trace] = buildTraces([outer, first, inner, second]);
    expect(trace?.rows.map((row) => row.span)).toHaveLength(4);
    expect(new Set(trace?.rows.map((row) => row.span)).size).toBe(4);
  });

  test('keeps apart equal span ids of different traces', () => {
    const spanId = '1'.repeat(16);
    const traces = buildTraces([
      span({ traceId: 'a'.repeat(32), spanId }),
      span({ traceId: 'b'.repeat(32), spanId }),
      span({ traceId: 'b'.repeat(32), parentId: spanId }),
    ]);
    expect(traces.map((trace) => trace.rows.length)).toEqual([1, 2]);
  });

  test('draws a chain of 5 000 spans within the width', () => {
    const chain = [span()];
    for (let i = 1; i < 5_000; i++) chain.push(span({ parentId: chain[i - 1]?.spanId ?? '' }));
    const lines = renderTraces(buildTraces(chain), plain).trimEnd().split('\n');
    expect(lines).toHaveLength(5_001);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(plain.width);
  });

  test.each([60, 80, 120, 200])('keeps to a width of %i columns', (width) => {
    const { server, client } = hop('a'.repeat(32), 0);
    const long = span({ parentId: client.spanId, name: `GET /${'very-long/'.repeat(30)}` });
    const lines = renderTraces(buildTraces([server, client, long]), { fancy: true, width }).split('\n');
    for (const line of lines) expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(width);
  });

  test('lets no control character of a name reach the terminal', () => {
    const text = renderTraces(buildTraces([span({ name: 'GET \u001b[2J\u009b2J\r\n' })]), plain);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be absent.
    expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });

  test('tells a failed span by its status code and error type', () => {
    const attributes = { 'http.response.status_code': 503, 'error.type': '503' };
    expect(renderTraces(buildTraces([span({ error: true, attributes })]), plain)).toMatch(/<- 503\n/);
    const refused = { 'error.type': 'ECONNREFUSED' };
    expect(renderTraces(buildTraces([span({ error: true, attributes: refused })]), plain)).toMatch(
      /<- ECONNREFUSED\n/,
    );
  });
});

describe('the style', () => {
  const terminal = { isTTY: true, columns: 132 };

  test('is fancy on a terminal, plain when piped or with NO_COLOR', () => {
    expect(treeStyleFor(terminal, {})).toEqual({ fancy: true, width: 132 });
    expect(treeStyleFor(terminal, { NO_COLOR: '' }).fancy).toBe(true);
    expect(treeStyleFor(terminal, { NO_COLOR: '1' }).fancy).toBe(false);
    expect(treeStyleFor({}, {})).toEqual({ fancy: false, width: 100 });
  });

  test('plain text is ASCII, without escape sequences; fancy text draws the same spans', () => {
    const { server, client } = hop('a'.repeat(32), 0);
    const traces = buildTraces([server, client, torn('b'.repeat(32), 5)]);
    expect(renderTraces(traces, plain)).toMatch(/^[\n -~]+$/);
    const fancy = renderTraces(traces, { fancy: true, width: 80 });
    expect(fancy).toContain('\u001b[');
    expect(fancy).toContain('└─ ');
    expect(stripVTControlCharacters(fancy).match(/█+/g)).toHaveLength(3);
  });
});

describe('the verdict', () => {
  test('is connected for one trace with one root', () => {
    const root = span();
    const traces = buildTraces([root, span({ parentId: root.spanId, service: 'orders' })]);
    expect(judge(traces)).toMatchObject({
      connected: true,
      text: 'One connected trace: 2 services, 2 spans.',
    });
  });

  test('is connected when the root continues a caller that does not report here', () => {
    const traces = buildTraces([span({ parentId: 'f'.repeat(16), parentRemote: true })]);
    expect(judge(traces).connected).toBe(true);
    expect(renderTraces(traces, plain)).toContain('a caller that does not report here');
  });

  test('is not connected when a root lost its local parent', () => {
    expect(judge(buildTraces([span({ parentId: 'f'.repeat(16), parentRemote: false })])).connected).toBe(
      false,
    );
  });

  test('names the hop at which a trace split', () => {
    const { server, client } = hop('a'.repeat(32), 0);
    const traces = buildTraces([torn('b'.repeat(32), 5), server, client]);
    const verdict = judge(traces);
    expect(verdict.connected).toBe(false);
    expect(verdict.text).toBe('2 separate traces: split between gateway and orders (2 services, 3 spans).');
    const text = renderTraces(traces, plain);
    expect(text).toContain('trace lost here: gateway -> orders');
    expect(text).toContain('new trace: no context came from gateway');
  });

  test.each([
    ['another path', torn('b'.repeat(32), 5, 'other')],
    ['a start after the call', torn('b'.repeat(32), 25)],
    ['a start before the call', torn('b'.repeat(32), -3)],
    ['the same service', { ...torn('b'.repeat(32), 5), service: 'gateway' }],
    ['a parent of its own', { ...torn('b'.repeat(32), 5), parentId: 'f'.repeat(16) }],
  ])('sees no split in a root with %s', (_, other) => {
    const { server, client } = hop('a'.repeat(32), 0);
    const traces = buildTraces([server, client, other]);
    expect(findSplits(traces)).toEqual([]);
    expect(judge(traces).text).toContain('no lost hop was recognised');
  });

  test('a call that was continued explains no other root', () => {
    const { server, client } = hop('a'.repeat(32), 0);
    const continued = { ...torn('a'.repeat(32), 4), parentId: client.spanId };
    expect(findSplits(buildTraces([server, client, continued, torn('b'.repeat(32), 5)]))).toEqual([]);
  });

  test.each(['messaging.system.name', 'messaging.system'])(
    'a call of a broker (%s) is neither open nor the cause of a root: brokers report no spans',
    (system) => {
      const message = span({ traceId: 'a'.repeat(32), kind: 'CONSUMER', service: 'mailer', end: 20 });
      const settled = span({
        traceId: 'a'.repeat(32),
        parentId: message.spanId,
        kind: 'CLIENT',
        service: 'mailer',
        name: 'ack orders',
        end: 15,
        attributes: { [system]: 'rabbitmq' },
      });
      expect(judge(buildTraces([message, settled])).text).toBe('One connected trace: 1 service, 2 spans.');
      expect(findSplits(buildTraces([message, settled, torn('b'.repeat(32), 5)]))).toEqual([]);
    },
  );

  test('pairs every call of overlapping requests with a root', () => {
    const spans = Array.from({ length: 20 }, (_, i) => {
      const id = i.toString(16).padStart(31, '0');
      const { server, client } = hop(`a${id}`, i);
      return [server, client, torn(`b${id}`, i + 3 + (i % 5))];
    }).flat();
    const groups = groupTraces(buildTraces(spans));
    expect(groups.map((group) => group.length)).toEqual(Array(20).fill(2));
    for (const group of groups) expect(judge(group).text).toContain('split between gateway and orders');
  });

  test('says so when nothing was received', () => {
    expect(judge([])).toMatchObject({ connected: false, text: 'No trace was received.' });
  });
});

test('overlapping traces are found through each other, others are not', () => {
  const at = (traceId: string, start: number, end: number) =>
    span({ traceId: traceId.repeat(32), start, end });
  const traces = buildTraces([at('a', 0, 10), at('b', 8, 20), at('c', 18, 30), at('d', 40, 50)]);
  const [first] = traces;
  if (!first) throw new Error('no trace');
  expect(overlapping(traces, first).map((trace) => trace.traceId[0])).toEqual(['a', 'b', 'c']);
});
