import assert from 'node:assert/strict';
import { type SpanContext, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { RecordedSpan } from './recorded-span.ts';
import { describeSpan, describeTrace } from './trace-tree.ts';

/**
 * Asserts that the spans form one tree: one trace id, one root among them, every other parent present.
 *
 * The root may have a remote parent outside the list. The message prints the trees that were found.
 * @example
 * assertConnectedTrace(await spans.takeMany(3));
 */
export function assertConnectedTrace(spans: readonly RecordedSpan[]): void {
  assert.ok(spans.length > 0, 'expected a trace, got no spans');
  const traceIds = new Set(spans.map((span) => span.spanContext().traceId));
  const found = `\n${describeTrace(spans)}`;
  assert.equal(traceIds.size, 1, `expected one trace, got ${traceIds.size}:${found}`);
  const ids = new Set(spans.map((span) => span.spanContext().spanId));
  const roots = spans.filter((span) => !ids.has(span.parentSpanContext?.spanId ?? ''));
  assert.equal(roots.length, 1, `expected one tree, got ${roots.length}:${found}`);
}

/**
 * Asserts that `child` is a direct child of `parent`: same trace, and the parent's span id.
 *
 * `parent` is a span, or the span context taken from headers.
 * @example
 * assertParent(await spans.take(({ name }) => name === 'payment'), order);
 */
export function assertParent(child: RecordedSpan, parent: RecordedSpan | SpanContext): void {
  const expected = 'traceId' in parent ? parent : parent.spanContext();
  const named = 'traceId' in parent ? `${expected.traceId}/${expected.spanId}` : describeSpan(parent);
  const message = `expected ${describeSpan(child)} to be a child of ${named}`;
  assert.equal(child.spanContext().traceId, expected.traceId, message);
  assert.equal(child.parentSpanContext?.spanId, expected.spanId, message);
}

/**
 * Asserts that a span starts its trace: no parent, local or remote.
 *
 * @example
 * assertRoot(await spans.take());
 */
export function assertRoot(span: RecordedSpan): void {
  assert.equal(span.parentSpanContext, undefined, `expected a root span, got ${describeSpan(span)}`);
}

/**
 * Asserts how a span reports failure: not at all (`undefined`), or by status ERROR and this `error.type`.
 *
 * @example
 * assertErrorType(span, 'client_disconnected');
 */
export function assertErrorType(span: RecordedSpan, errorType: string | RegExp | undefined): void {
  const actual = span.attributes['error.type'];
  const shown = `${describeSpan(span)} with error.type ${JSON.stringify(actual)}`;
  if (errorType === undefined) {
    assert.equal(span.status.code, SpanStatusCode.UNSET, `expected status UNSET, got ${shown}`);
    assert.equal(actual, undefined, `expected no error.type, got ${shown}`);
    return;
  }
  assert.equal(span.status.code, SpanStatusCode.ERROR, `expected status ERROR, got ${shown}`);
  if (typeof errorType === 'string')
    assert.equal(actual, errorType, `expected error.type ${errorType}: ${shown}`);
  else assert.match(String(actual), errorType, `expected error.type like ${errorType}: ${shown}`);
}

/**
 * Asserts a span's kind and name.
 *
 * @example
 * assertSpan(span, SpanKind.SERVER, 'GET /items/:id');
 */
export function assertSpan(span: RecordedSpan, kind: SpanKind, name: string): void {
  assert.equal(
    `${SpanKind[span.kind]} ${span.name}`,
    `${SpanKind[kind]} ${name}`,
    `unexpected ${describeSpan(span)}`,
  );
}

/** Asserts which span contexts a span links to, in any order. */
export function assertLinks(span: RecordedSpan, expected: readonly SpanContext[]): void {
  const ids = (contexts: readonly SpanContext[]) =>
    contexts.map(({ traceId, spanId }) => `${traceId}/${spanId}`).sort();
  assert.deepEqual(ids(span.links.map((link) => link.context)), ids(expected), `links of ${span.name}`);
}
