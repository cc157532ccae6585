import { readFileSync } from 'node:fs';

/** Bounds of a number, both allowed. */
interface Range {
  readonly least: number;
  readonly most?: number;
}

/** The longest time that a timer takes; it stands for no limit. Milliseconds. */
export const MAX_DELAY = 0x7fff_ffff;
/** Longer values say nothing more about what is wrong with them. */
const MAX_SHOWN = 60;

/**
 * Reads environment variables and keeps what is wrong with them, so that all mistakes are reported at once.
 *
 * The rules are the specification's: an empty or blank variable counts as not set, and so does one that is wrong; of a
 * list, the items that are wrong count as not there. Letter case of names has no meaning.
 *
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export class EnvironmentReader {
  readonly #faults = new Set<string>();
  readonly #wrong = new Set<string>();
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** One sentence per mistake, each once: `OTEL_TRACES_SAMPLER is 'on'; known are always_on, always_off`. */
  get faults(): readonly string[] {
    return [...this.#faults];
  }

  /** The variables that count as not set because they are wrong. */
  get wrong(): readonly string[] {
    return [...this.#wrong];
  }

  /** Keeps what is wrong in one sentence. */
  fault(sentence: string): void {
    this.#faults.add(printable(sentence));
  }

  text(name: string): string | undefined {
    return this.#env[name]?.trim() || undefined;
  }

  integer(name: string, { least, most = Number.MAX_SAFE_INTEGER }: Range): number | undefined {
    return this.#parse(name, bounds('a whole number', { least, most }), (value) =>
      /^\d+$/.test(value) && Number(value) >= least && Number(value) <= most ? Number(value) : undefined,
    );
  }

  /** Milliseconds that something may take; 0 means that there is no limit. */
  timeout(name: string): number | undefined {
    const milliseconds = this.integer(name, { least: 0, most: MAX_DELAY });
    return milliseconds === 0 ? MAX_DELAY : milliseconds;
  }

  ratio(name: string): number | undefined {
    return this.#parse(name, 'must be a number from 0 to 1', (value) =>
      Number(value) >= 0 && Number(value) <= 1 ? Number(value) : undefined,
    );
  }

  boolean(name: string): boolean | undefined {
    const word = this.choice(name, ['true', 'false']);
    return word && word === 'true';
  }

  /** One of `known`, in any letter case. */
  choice<T extends string>(name: string, known: readonly T[]): T | undefined {
    return this.#parse(name, `known are ${known.join(', ')}`, (value) =>
      known.find((candidate) => candidate === value.toLowerCase()),
    );
  }

  /** Several of `known`, with commas between them; an empty list for `none` alone. */
  choices<T extends string>(name: string, known: readonly T[]): readonly T[] | undefined {
    return this.list(name, (item) =>
      (known as readonly string[]).includes(item)
        ? undefined
        : `${name} has '${shown(item)}'; known are ${known.join(', ')}, none`,
    ) as readonly T[] | undefined;
  }

  /**
   * The items of a list with commas between them, in lower case, each once; an empty list for `none` alone.
   *
   * Left out are items with which something is wrong, as `faultOf` says, and `none` beside others: what is named is
   * asked for, and a part must not be turned off by a contradiction. A list of which nothing remains counts as not set.
   */
  list(name: string, faultOf: (item: string) => string | undefined): readonly string[] | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const items = new Set(
      text
        .split(',')
        .map((item) => item.trim().toLowerCase())
        .filter(Boolean),
    );
    if (items.size === 0) this.fault(`${name} is '${shown(text)}'; it names nothing`);
    if (items.delete('none')) {
      if (items.size === 0) return [];
      this.fault(`${name} has 'none' beside other names; 'none' stands alone`);
    }
    const good = [...items].filter((item) => {
      const fault = faultOf(item);
      if (fault !== undefined) this.fault(fault);
      return fault === undefined;
    });
    return good.length > 0 ? good : undefined;
  }

  url(name: string): string | undefined {
    return this.#parse(name, 'must be a URL that begins with http:// or https://', (value) =>
      isHttpUrl(value) ? value : undefined,
    );
  }

  /** Checks a list of `key=value` with commas between them, whose reading is left to the SDK. */
  pairs(name: string, accepts: (key: string, value: string) => boolean): void {
    this.#parse(name, 'must be a list of key=value with commas between them, percent-encoded', (value) =>
      value.split(',').every((pair) => {
        if (pair.trim() === '') return true;
        const equals = pair.indexOf('=');
        if (equals === -1) return false;
        const key = decoded(pair.slice(0, equals).trim());
        const text = decoded(pair.slice(equals + 1).trim());
        return key !== undefined && key !== '' && text !== undefined && accepts(key, text);
      })
        ? value
        : undefined,
    );
  }

  /** What a file holds. */
  file(name: string): Buffer | undefined {
    return this.#parse(name, 'must be a file that this process can read', (path) => {
      try {
        return readFileSync(path);
      } catch {
        return undefined;
      }
    });
  }

  /** Says that a variable is wrong; it counts as not set from then on. */
  refuse(name: string, sentence: string): undefined {
    this.#wrong.add(name);
    this.fault(`${name} ${sentence}`);
  }

  #parse<T>(name: string, expected: string, parse: (value: string) => T | undefined): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    // Headers hold keys, and some put a key itself where the name of its file belongs: these are not repeated.
    const secret = /HEADERS$|_KEY$|CERTIFICATE$/.test(name) && !/^[\w./\\: -]*$/.test(value);
    return (
      parse(value) ??
      this.refuse(name, `${secret || name.endsWith('HEADERS') ? '' : `is '${shown(value)}'; `}${expected}`)
    );
  }
}

export function isHttpUrl(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

function bounds(what: string, { least, most }: Required<Range>): string {
  return `must be ${what} ${most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** A value as a message may show it: without the user and password of an address, and not without end. */
function shown(value: string): string {
  const text = value.replace(/^([a-z][\w+.-]*:\/\/)?[^/@]*@/i, '$1…@');
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** Control characters would let a value write lines of its own into a log. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
}
