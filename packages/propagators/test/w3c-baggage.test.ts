import {
  type Baggage,
  type BaggageEntry,
  baggageEntryMetadataFromString,
  propagation,
  ROOT_CONTEXT,
} from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { baggageProperties, W3CBaggagePropagator } from '@throughline/propagators';
import { describe, expect, it, test } from 'vitest';

const propagator = new W3CBaggagePropagator();

function read(baggage: unknown): Baggage | undefined {
  return propagation.getBaggage(propagator.extract(ROOT_CONTEXT, { baggage }));
}

function entries(baggage: unknown): [string, string, string?][] {
  return (read(baggage)?.getAllEntries() ?? []).map(([key, { value, metadata }]) =>
    metadata === undefined ? [key, value] : [key, value, metadata.toString()],
  );
}

function through(baggage: unknown): string | undefined {
  const out: Record<string, string> = {};
  propagator.inject(propagator.extract(ROOT_CONTEXT, { baggage }), out);
  return out.baggage;
}

/** What is sent for entries that a program set itself. */
function sent(list: readonly (readonly [string, unknown])[]): string | undefined {
  let baggage = propagation.createBaggage();
  for (const [key, entry] of list) baggage = baggage.setEntry(key, entry as BaggageEntry);
  const out: Record<string, string> = {};
  propagator.inject(propagation.setBaggage(ROOT_CONTEXT, baggage), out);
  return out.baggage;
}

const many = (count: number, value = '1') =>
  Array.from({ length: count }, (_, i) => `k${i}=${value}`).join(',');

describe('in, and out again unread', () => {
  test.each<[string, unknown, [string, string, string?][], string | undefined]>([
    ['B1 simple', 'a=b', [['a', 'b']], 'a=b'],
    [
      'B1 several',
      'a=1,b=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
      'a=1,b=2',
    ],
    [
      'B1 OWS',
      ' a \t= 1 , b = 2 ;p ; q = 3 ',
      [
        ['a', '1'],
        ['b', '2', 'p;q=3'],
      ],
      'a=1,b=2;p;q=3',
    ],
    ['B1 equals in the value', 'a=b=c==', [['a', 'b=c==']], 'a=b=c=='],
    ['B1 empty value (§5 21)', 'k=', [['k', '']], 'k='],
    ['B1 empty value with a property (§5 21)', 'k=;p=1', [['k', '', 'p=1']], 'k=;p=1'],
    [
      'B1 keys are literal (§5 22)',
      'a%20b=1,key%name=2',
      [
        ['a%20b', '1'],
        ['key%name', '2'],
      ],
      'a%20b=1,key%name=2',
    ],
    [
      'B1 all token characters (§5 23)',
      "!#$%&'*+-.^_`|~09azAZ=1",
      [["!#$%&'*+-.^_`|~09azAZ", '1']],
      "!#$%&'*+-.^_`|~09azAZ=1",
    ],
    ['B2 percent-coded', 'k=%C3%A9%20%22', [['k', 'é "']], 'k=%C3%A9%20%22'],
    ['B2 plus is plus', 'k=a+b', [['k', 'a+b']], 'k=a+b'],
    [
      'B3 not UTF-8 (§5 20)',
      'k=%FF,ok=1',
      [
        ['k', '\ufffd'],
        ['ok', '1'],
      ],
      'k=%FF,ok=1',
    ],
    ['B3 cut UTF-8 (§5 20)', 'k=%C3', [['k', '\ufffd']], 'k=%C3'],
    ['B3 beside good ones', 'k=a%FFb%C3%A9', [['k', 'a\ufffdbé']], 'k=a%FFb%C3%A9'],
    ['B3 a percent sign alone (§5 20)', 'k=50%', [['k', '50%']], 'k=50%25'],
    ['B3 a byte order mark is data', 'k=%EF%BB%BFx', [['k', '\ufeffx']], 'k=%EF%BB%BFx'],
    [
      'B4 property value repaired',
      'k=1;p=a b;q=%C3%A9',
      [['k', '1', 'p=a%20b;q=%C3%A9']],
      'k=1;p=a%20b;q=%C3%A9',
    ],
    ['B4 a bad property alone goes', 'k=1;b d=2;;ok', [['k', '1', 'ok']], 'k=1;ok'],
    ['B4 key-only property is not decoded', 'k=1;p%20q', [['k', '1', 'p%20q']], 'k=1;p%20q'],
    [
      'B6 order, integer-like keys (§5 27)',
      'z=1,10=2,2=3',
      [
        ['z', '1'],
        ['10', '2'],
        ['2', '3'],
      ],
      'z=1,10=2,2=3',
    ],
    [
      'B6 __proto__ (§5 27)',
      '__proto__=x,constructor=y',
      [
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ],
      '__proto__=x,constructor=y',
    ],
    [
      'B6 last duplicate wins, both go on',
      'a=1,b=2,a=3',
      [
        ['a', '3'],
        ['b', '2'],
      ],
      'a=1,b=2,a=3',
    ],
    [
      'B6 several lines',
      ['a=1', 'b=2'],
      [
        ['a', '1'],
        ['b', '2'],
      ],
      'a=1,b=2',
    ],
    ['B7 space in the value (§5 28)', 'a=b c,ok=1', [['ok', '1']], 'ok=1'],
    ['B7 quote, backslash, é (§5 28)', 'a="1",b=\\,c=é,ok=1', [['ok', '1']], 'ok=1'],
    ['B7 no equals sign', 'a,ok=1', [['ok', '1']], 'ok=1'],
    ['B7 empty key (§5 24)', '=1,ok=1', [['ok', '1']], 'ok=1'],
    ['B7 key with a space or @ (§5 24)', 'a b=1,a@b=2,é=3,ok=1', [['ok', '1']], 'ok=1'],
    ['B7 empty members', ',,ok=1,', [['ok', '1']], 'ok=1'],
    ['B7 line break', 'a=1\r\nevil: 1,ok=1', [['ok', '1']], 'ok=1'],
    ['nothing legal', 'a,b', [], undefined],
    ['empty', '', [], undefined],
    ['white space', ' \t', [], undefined],
    ['not a string', 5, [], undefined],
  ])('%s', (_, header, expected, out) => {
    expect(entries(header)).toEqual(expected);
    expect(through(header)).toBe(out);
  });

  it('returns the very context when nothing is legal', () => {
    for (const baggage of ['', ' ', 'a', ',,,', undefined, 'a='.repeat(0)]) {
      expect(propagator.extract(ROOT_CONTEXT, { baggage })).toBe(ROOT_CONTEXT);
    }
  });

  it('reads the header in any letter case', () => {
    const context = propagator.extract(ROOT_CONTEXT, { Baggage: 'a=1' });
    expect(propagation.getBaggage(context)?.getEntry('a')).toEqual({ value: '1' });
  });
});

describe('B5 limits', () => {
  it('keeps 64 members and drops the 65th', () => {
    expect(entries(many(64))).toHaveLength(64);
    expect(entries(many(65))).toHaveLength(64);
    expect(through(many(65))).toBe(many(64));
  });

  it('keeps a member of 8192 bytes and drops one of 8193 whole (§5 25)', () => {
    const fits = `k=${'v'.repeat(8190)}`;
    expect(through(fits)).toBe(fits);
    expect(through(`${fits}v,ok=1`)).toBe('ok=1');
  });

  it('keeps what fits 8192 bytes over all lines and goes on after what does not', () => {
    const half = `a=${'v'.repeat(4094)}`;
    expect(through([half, half.replace('a', 'b'), 'c=1'])).toBe(`${half},c=1`);
  });

  it('never takes the beginning of a member for the whole', () => {
    expect(through(`ok=1,k=${'v'.repeat(20_000)}`)).toBe('ok=1');
  });

  it('sends the same limits', () => {
    const sixtyFive = Array.from({ length: 65 }, (_, i) => [`k${i}`, { value: '1' }] as const);
    expect(sent(sixtyFive)).toBe(many(64));
    expect(
      sent([
        ['big', { value: 'v'.repeat(9000) }],
        ['ok', { value: '1' }],
      ]),
    ).toBe('ok=1');
    expect(
      sent([
        ['big', { value: '中'.repeat(1000) }],
        ['ok', { value: '1' }],
      ]),
    ).toBe('ok=1');
    expect(sent([['k', { value: 'v'.repeat(8190) }]])).toHaveLength(8192);
  });
});

describe('out', () => {
  test.each<[string, [string, unknown], string | undefined]>([
    ['B2 what must be coded', ['k', { value: ' ",;\\%é\u0000\r\n' }], 'k=%20%22%2C%3B%5C%25%C3%A9%00%0D%0A'],
    ['B2 what need not', ['k', { value: "!#$&'()*-./:<>?@[]^_`{|}~" }], "k=!#$&'()*-./:<>?@[]^_`{|}~"],
    ['B2 what others misread', ['k', { value: '1+1=2' }], 'k=1%2B1%3D2'],
    ['B2 beyond the first plane, with them', ['k', { value: '😀+=' }], 'k=%F0%9F%98%80%2B%3D'],
    ['B2 beyond the first plane', ['k', { value: '😀' }], 'k=%F0%9F%98%80'],
    ['lone surrogate (§5 19)', ['k', { value: 'a\ud800b\udc00' }], 'k=a%EF%BF%BDb%EF%BF%BD'],
    ['empty value', ['k', { value: '' }], 'k='],
    ['key that is no token (§5 24)', ['a b', { value: '1' }], undefined],
    ['key with a line break', ['a\r\nevil', { value: '1' }], undefined],
    ['empty key', ['', { value: '1' }], undefined],
    ['key beyond ASCII', ['é', { value: '1' }], undefined],
    ['value of another type', ['k', { value: 5 }], undefined],
    ['no entry', ['k', null], undefined],
    [
      'metadata kept',
      ['k', { value: '1', metadata: baggageEntryMetadataFromString('p; q = 2') }],
      'k=1;p;q=2',
    ],
    [
      'metadata cannot add a member (§5 26)',
      ['k', { value: '1', metadata: baggageEntryMetadataFromString('p=1,evil=2') }],
      'k=1;p=1%2Cevil=2',
    ],
    [
      'metadata with a line break (§5 26)',
      ['k', { value: '1', metadata: baggageEntryMetadataFromString('p=中\r\nx: 1') }],
      'k=1;p=%E4%B8%AD%0D%0Ax:%201',
    ],
    [
      'metadata that is no property',
      ['k', { value: '1', metadata: baggageEntryMetadataFromString('中;\r\n') }],
      'k=1',
    ],
    ['metadata without toString', ['k', { value: '1', metadata: Object.create(null) }], undefined],
  ])('%s', (_, entry, expected) => {
    expect(sent([entry])).toBe(expected);
    // P4: one bad entry never loses the others.
    const both = sent([entry, ['ok', { value: '1' }]]);
    expect(both).toBe(expected === undefined ? 'ok=1' : `${expected},ok=1`);
  });

  it('B8 leaves no baggage of an earlier use behind, and none when it was cleared', () => {
    const carrier = { Baggage: 'secret=1' };
    propagator.inject(ROOT_CONTEXT, carrier);
    expect(carrier).toEqual({});
    const cleared = read('a=1')?.clear() as Baggage;
    const other = { baggage: 'secret=1' };
    propagator.inject(propagation.setBaggage(ROOT_CONTEXT, cleared), other);
    expect(other).toEqual({});
  });

  it('does nothing when tracing is suppressed', () => {
    const carrier = { baggage: 'mine=1' };
    propagator.inject(suppressTracing(propagator.extract(ROOT_CONTEXT, { baggage: 'a=1' })), carrier);
    expect(carrier).toEqual({ baggage: 'mine=1' });
  });

  it('names exactly the header it may write', () => {
    expect(propagator.fields()).toEqual(['baggage']);
  });
});

describe('as the API’s Baggage', () => {
  it('changes by copies', () => {
    const baggage = read('a=1,b=2;p,c=3') as Baggage;
    expect(baggage.setEntry('__proto__', { value: 'x' }).getEntry('__proto__')).toEqual({ value: 'x' });
    expect(
      baggage
        .removeEntry('a')
        .getAllEntries()
        .map(([key]) => key),
    ).toEqual(['b', 'c']);
    expect(
      baggage
        .removeEntries('a', 'c')
        .getAllEntries()
        .map(([key]) => key),
    ).toEqual(['b']);
    expect(baggage.clear().getAllEntries()).toEqual([]);
    expect(baggage.getAllEntries().map(([key]) => key)).toEqual(['a', 'b', 'c']);
    expect(baggage.getEntry('toString')).toBeUndefined();
  });

  it('sends what was changed', () => {
    const changed = (read('a=1,a=2') as Baggage).setEntry('b', { value: 'x y' });
    const out: Record<string, string> = {};
    propagator.inject(propagation.setBaggage(ROOT_CONTEXT, changed), out);
    expect(out.baggage).toBe('a=2,b=x%20y');
  });

  it('decodes properties', () => {
    const entry = read('k=1;p=%C3%A9%3B;q;q=2;r=%FF')?.getEntry('k');
    expect(baggageProperties(entry)).toEqual([
      ['p', 'é;'],
      ['q', undefined],
      ['q', '2'],
      ['r', '\ufffd'],
    ]);
    expect(baggageProperties({ value: '1' })).toEqual([]);
    expect(baggageProperties(undefined)).toEqual([]);
  });
});

describe('entries that are read on the way out', () => {
  /** What is sent for a baggage of another make. */
  function sentBy(entries: [string, unknown][]): string | undefined {
    const baggage = { getAllEntries: () => entries } as unknown as Baggage;
    const out: Record<string, string> = {};
    propagator.inject(propagation.setBaggage(ROOT_CONTEXT, baggage), out);
    return out.baggage;
  }

  it('may inject other baggage meanwhile', () => {
    let inner: string | undefined;
    const nosy = {
      get value() {
        inner = sentBy([['inner', { value: 'x y' }]]);
        return 'z';
      },
    };
    const header = sentBy([
      ['first', { value: '1' }],
      ['nosy', nosy],
      ['last', { value: '3' }],
    ]);
    expect(inner).toBe('inner=x%20y');
    expect(header).toBe('first=1,nosy=z,last=3');
  });

  it('lose nothing by one that throws or is too long once it is coded', () => {
    const broken = {
      get value(): string {
        throw new Error('broken');
      },
    };
    const entries: [string, unknown][] = [
      ['a', { value: '1' }],
      ['spaces', { value: ' '.repeat(3000) }],
      ['b', broken],
      ['umlauts', { value: 'ü'.repeat(8000) }],
      ['metadata', { value: 'ü'.repeat(8000), metadata: baggageEntryMetadataFromString('p=1') }],
      ['c', { value: '2' }],
    ];
    expect(sentBy(entries)).toBe('a=1,c=2');
  });

  it('fill the header to the last byte', () => {
    const header = sentBy([
      ['a', { value: 'v'.repeat(4000) }],
      ['b', { value: 'v'.repeat(8192 - 4002 - 3) }],
      ['c', { value: '' }],
    ]);
    expect(header).toHaveLength(8192);
    expect(sentBy([['a', { value: 'v'.repeat(8191) }]])).toBeUndefined();
  });
});
