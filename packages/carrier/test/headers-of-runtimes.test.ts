import { carrierGetter, carrierSetter } from '@throughline/carrier';
import { expect, it } from 'vitest';

/** The `Headers` of Bun and of workers. */
class HeadersWithGetAll extends Headers {
  getAll(name: string): string[] {
    if (name !== 'set-cookie') throw new TypeError('Only "set-cookie" is supported.');
    return this.getSetCookie();
  }
}

it('reads, replaces and removes a field of headers that list only their cookies', () => {
  const headers = new HeadersWithGetAll({ Baggage: 'a=1' });

  expect(carrierGetter.get(headers, 'baggage')).toBe('a=1');
  carrierSetter.set(headers, 'baggage', 'b=2');
  expect(headers.get('baggage')).toBe('b=2');
  carrierSetter.delete(headers, 'baggage');
  expect(headers.has('baggage')).toBe(false);
});
