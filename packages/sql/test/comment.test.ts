import { withComment } from '@throughline/sql';
import fc from 'fast-check';
import { loadModule, parseSync, scanSync } from 'libpg-query';
import { beforeAll, describe, expect, test } from 'vitest';

beforeAll(() => loadModule());

const LABEL = { route: '/orders/:id' };
const COMMENT = `/*route='%2Forders%2F%3Aid'*/`;

test.each([
  ['a statement', 'SELECT 1', `SELECT 1 ${COMMENT}`],
  ['a final semicolon', 'SELECT 1 ; ', `SELECT 1 ${COMMENT} ; `],
  ['two statements', 'SELECT 1; SELECT 2;', `SELECT 1; SELECT 2 ${COMMENT};`],
  ['dashes in a literal', `SELECT '--'`, `SELECT '--' ${COMMENT}`],
  ['a comment at the end', 'SELECT 1 -- one', `SELECT 1 ${COMMENT} -- one`],
  ['nested comments', 'SELECT 1 /* a /* b */ ; */;', `SELECT 1 ${COMMENT} /* a /* b */ ; */;`],
  ['a comment sign in a name', 'SELECT 1 AS "/*"', `SELECT 1 AS "/*" ${COMMENT}`],
  ['dollar quotes', 'SELECT $a$ ; -- $$ $a$', `SELECT $a$ ; -- $$ $a$ ${COMMENT}`],
  ['an escaped quote', `SELECT E'\\'--'`, `SELECT E'\\'--' ${COMMENT}`],
  ['a parameter', 'SELECT $1', `SELECT $1 ${COMMENT}`],
])('writes after the last word: %s', (_, sql, expected) => {
  expect(withComment(sql, LABEL)).toBe(expected);
});

test.each([
  ['nothing', ''],
  ['only a comment', '-- nothing'],
  ['only a semicolon', ' ; '],
  ['a literal that does not end', `SELECT 'a`],
  ['a name that does not end', 'SELECT "a'],
  ['a comment that does not end', 'SELECT 1 /* a /* b */'],
  ['dollar quotes that do not end', 'SELECT $a$ b $b$'],
  ['a backslash before a quote, whose meaning is a setting', `SELECT 'a\\', '--'`],
  ['a traceparent that is there already', `SELECT 1 /*traceparent='00-1'*/`],
])('leaves as it is: %s', (_, sql) => {
  expect(withComment(sql, LABEL)).toBe(sql);
});

test('writes nothing for absent and empty values', () => {
  expect(withComment('SELECT 1', { route: undefined, application: '' })).toBe('SELECT 1');
});

test('sorts, and encodes what could end the comment', () => {
  expect(withComment('SELECT 1', { b: `*/'; DROP TABLE a --`, a: '\ud800!(*)' })).toBe(
    `SELECT 1 /*a='%EF%BF%BD%21%28%2A%29',b='%2A%2F%27%3B%20DROP%20TABLE%20a%20--'*/`,
  );
});

/** The parsed statements, without the places in the text. */
function tree(sql: string): unknown {
  return JSON.parse(
    JSON.stringify(parseSync(sql), (key, value) =>
      /^(location|stmt_len|stmt_location)$/.test(key) ? undefined : value,
    ),
  );
}

const parsed = (sql: string) => {
  try {
    // As it is on the wire: half a character is replaced.
    return tree(Buffer.from(sql).toString());
  } catch {
    return undefined;
  }
};

describe('by the parser of PostgreSQL', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom('*/', '/*', "'", '"', '--', ';', '\\', '$$', '\n', '\0', 'a', '%', '\ud83d', '?'),
    }),
  );
  const piece = fc.constantFrom(
    ...[
      `'`,
      `''`,
      `'a'`,
      `'--'`,
      `'/*'`,
      `E'`,
      `E'\\''`,
      `\\`,
      `"`,
      `"a--"`,
      '$$',
      '$a$',
      '$1',
      '--',
      '--x\n',
      '/*',
      '*/',
    ],
    ...[
      '/* c */',
      '\n',
      '\r',
      ' ',
      ';',
      'SELECT',
      '1',
      ',',
      'a',
      '+',
      '(',
      ')',
      'U&',
      'é',
      '1e5',
      '$',
      '-',
      '/',
      '*',
      'N',
      '||',
    ],
  );
  const statement = fc.oneof(
    fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 10 }).map((pieces) => `SELECT 1${pieces.join('')}`),
    fc
      .tuple(fc.array(piece, { maxLength: 6 }), hostile)
      .map(([pieces, text]) => `SELECT $q$${text}$q$, ${pieces.join(' ')}`),
    hostile.map((text) => `SELECT '${text.replaceAll("'", "''")}', "a" -- ${text}`),
  );

  test('no field changes the statement, valid or not', () => {
    let written = 0;
    fc.assert(
      fc.property(statement, hostile, hostile, (sql, name, value) => {
        const given = withComment(sql, { [name]: value, traceparent: '00-1' });
        if (given !== sql) written++;
        expect(parsed(given)).toEqual(parsed(sql));
      }),
      { numRuns: 3000 },
    );
    expect(written).toBeGreaterThan(300);
  });

  test('what is written is one comment', () => {
    const tokens = scanSync(withComment('SELECT 1', { a: `*/ ' /* --` })).tokens;
    expect(tokens).toHaveLength(3);
    expect(tokens.at(-1)).toMatchObject({
      tokenName: 'C_COMMENT',
      text: expect.stringMatching(/^\/\*a='.*'\*\/$/),
    });
  });
});
