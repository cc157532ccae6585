import { createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { contextWith, isTracingSuppressed, suppressTracing } from '@throughline/carrier';
import { describe, expect, test } from 'vitest';

const OUTER = createContextKey('outer');
const KEY = createContextKey('key');
const OTHER = createContextKey('other');
const outer = ROOT_CONTEXT.setValue(OUTER, 'outer');

describe('contextWith() is as setValue()', () => {
  const context = contextWith(outer, KEY, 'value');

  test('it has the value, and those of the context below', () => {
    expect(context.getValue(KEY)).toBe('value');
    expect(context.getValue(OUTER)).toBe('outer');
    expect(context.getValue(OTHER)).toBeUndefined();
    expect(outer.getValue(KEY)).toBeUndefined();
  });

  test('it can hide a value of the context below', () => {
    expect(contextWith(outer, OUTER, undefined).getValue(OUTER)).toBeUndefined();
  });

  test('what is built upon it has all values, and does not change it', () => {
    const built = context.setValue(OTHER, 1);
    expect([OUTER, KEY, OTHER].map((key) => built.getValue(key))).toEqual(['outer', 'value', 1]);
    expect(context.setValue(KEY, 'new').getValue(KEY)).toBe('new');
    expect(context.getValue(OTHER)).toBeUndefined();
    expect(context.getValue(KEY)).toBe('value');
  });

  test('its values can be deleted, its own and those below', () => {
    expect(context.deleteValue(KEY).getValue(KEY)).toBeUndefined();
    expect(context.deleteValue(KEY).getValue(OUTER)).toBe('outer');
    expect(context.deleteValue(OUTER).getValue(OUTER)).toBeUndefined();
    expect(context.deleteValue(OUTER).getValue(KEY)).toBe('value');
  });
});

test('a context in which tracing is suppressed keeps that in contexts built upon it', () => {
  expect(isTracingSuppressed(suppressTracing(outer).setValue(OTHER, 1))).toBe(true);
  expect(isTracingSuppressed(outer)).toBe(false);
});
