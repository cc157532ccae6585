import { expect, test } from 'vitest';
import { sanitised } from '../src/statement/sanitised.ts';
import { summaryOf } from '../src/statement/summary.ts';

test.each([
  ['SELECT count FROM stock WHERE sku = $1', 'SELECT stock'],
  ['select * from songs, artists a where a.id = 1', 'SELECT songs artists'],
  ['SELECT * FROM a JOIN b ON f(a.x, b.x) LEFT JOIN shop.c USING (id)', 'SELECT a b shop.c'],
  ['SELECT * FROM "Odd name"."T" t', 'SELECT "Odd name"."T"'],
  ['INSERT INTO stock (sku, count) SELECT sku, 0 FROM items', 'INSERT stock SELECT items'],
  ['UPDATE ONLY stock SET count = 1', 'UPDATE stock'],
  ['DELETE FROM stock', 'DELETE stock'],
  ['WITH a AS (SELECT 1 FROM b) SELECT * FROM a', 'SELECT b SELECT'],
  ['SELECT EXTRACT(YEAR FROM d) FROM t FOR UPDATE', 'SELECT t'],
  ['SELECT * FROM generate_series(1, 2)', 'SELECT'],
  ['SELECT a IS DISTINCT FROM b FROM c', 'SELECT c'],
  ['INSERT INTO a VALUES (1) ON CONFLICT DO UPDATE SET b = 2', 'INSERT a'],
  ['CREATE TABLE IF NOT EXISTS stock (sku text)', 'CREATE stock'],
  [`/* SELECT x FROM y */ SELECT 'FROM z' -- FROM q`, 'SELECT'],
  ['BEGIN', 'BEGIN'],
  ['SELECT a FROM b; DELETE FROM c', 'SELECT b DELETE c'],
])('summary of %s', (sql, expected) => {
  expect(summaryOf(sql).text).toBe(expected);
});

test.each(['', ' ', ';', '-- nothing', '(', "'"])('there is no summary of %j', (sql) => {
  expect(summaryOf(sql)).toEqual({ text: undefined, operation: undefined, collection: undefined });
});

test('a summary names operation and table only where there is one of each', () => {
  expect(summaryOf('SELECT 1 FROM a')).toMatchObject({ operation: 'SELECT', collection: 'a' });
  expect(summaryOf('SELECT 1 FROM a, b')).toMatchObject({ operation: 'SELECT', collection: undefined });
  expect(summaryOf('INSERT INTO a SELECT 1 FROM a')).toMatchObject({
    operation: undefined,
    collection: undefined,
  });
});

test.each([
  [
    `SELECT 'secret', 12.5, E'a\\'b', $$x$$ FROM t1 WHERE a = $1 -- why`,
    'SELECT ?, ?, ?, ? FROM t1 WHERE a = $1',
  ],
  [`SELECT "name" /* 'secret' */ FROM t`, 'SELECT "name"   FROM t'],
])('sanitised: %s', (sql, expected) => {
  expect(sanitised(sql)).toBe(expected);
});

test('a text whose literals are not certain is not recorded', () => {
  expect(sanitised(`SELECT 'a\\', 'secret'`)).toBeUndefined();
  expect(sanitised(`SELECT 'secret`)).toBeUndefined();
});
