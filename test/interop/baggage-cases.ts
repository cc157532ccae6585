type Entries = Readonly<Record<string, string>>;

/** A baggage header, and the entries that it means. */
export interface BaggageCase {
  readonly name: string;
  readonly header: string;
  readonly means: Entries;
}

export const BAGGAGE_CASES: readonly BaggageCase[] = [
  { name: 'spaces', header: 'k=a%20b%20c', means: { k: 'a b c' } },
  { name: 'percent signs', header: 'k=100%25', means: { k: '100%' } },
  { name: 'letters beyond ASCII', header: 'k=%C3%BC%E4%B8%96%F0%9F%8D%B5', means: { k: 'ü世🍵' } },
  { name: 'encoded delimiters', header: 'k=a%2Cb%3Bc%3Dd', means: { k: 'a,b;c=d' } },
  { name: 'an equals sign', header: 'k=a=b', means: { k: 'a=b' } },
  { name: 'a plus sign', header: 'k=a+b', means: { k: 'a+b' } },
  { name: 'quotes and a backslash', header: 'k=%22q%22%5C', means: { k: '"q"\\' } },
  { name: 'an empty value', header: 'k=', means: { k: '' } },
  { name: 'several entries', header: 'k=1,l=2', means: { k: '1', l: '2' } },
  { name: 'properties', header: 'k=1;p=2;flag', means: { k: '1' } },
];

/** What a language makes of a header otherwise than the specification says. */
export interface Quirk {
  /** Entries as the language itself reads them. @default what the header means */
  readonly reads?: Entries;
  /** The header that it sends on. */
  readonly sends: string;
  /** What Node reads in that. */
  readonly nodeReads: Entries;
  /** What the language reads in what Node sends on. @default `reads` */
  readonly readsBack?: Entries;
}

/** Seen with the versions that are pinned here; each is a fact about that language, and a reason to keep values plain. */
export const QUIRKS: Readonly<Record<string, Readonly<Record<string, Quirk>>>> = {
  // Values are written and read as in HTML forms: a space becomes +, and a plus sign becomes a space. What stands
  // behind the first semicolon is taken for a part of the value, and travels on as one.
  'Python (FastAPI, httpx)': {
    spaces: { sends: 'k=a+b+c', nodeReads: { k: 'a+b+c' }, readsBack: { k: 'a b c' } },
    'a plus sign': { reads: { k: 'a b' }, sends: 'k=a+b', nodeReads: { k: 'a+b' } },
    properties: { reads: { k: '1;p=2;flag' }, sends: 'k=1%3Bp%3D2%3Bflag', nodeReads: { k: '1;p=2;flag' } },
  },
  // A value ends at its first equals sign. Percent signs and backslashes are written as they are: Node reads the
  // one, and must refuse the other, which no baggage may hold.
  'Rust (axum, reqwest)': {
    'percent signs': { sends: 'k=100%', nodeReads: { k: '100%' } },
    'an equals sign': { reads: { k: 'a' }, sends: 'k=a', nodeReads: { k: 'a' } },
    'quotes and a backslash': { sends: 'k=%22q%22\\', nodeReads: {}, readsBack: {} },
  },
};
