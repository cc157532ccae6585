import { readFileSync } from 'node:fs';

/** Bounds of a number, both inclusive. */
interface Range {
  readonly least: number;
  /** Absent: the largest safe integer. */
  readonly most?: number;
}

/** The longest delay of a timer, in milliseconds. It stands for no limit. */
export const MAX_DELAY = 0x7fff_ffff;
/** In characters. The rest of a long value does not help to find the mistake. */
const MAX_SHOWN = 60;

/**
 * Reads environment variables and collects their mistakes, so that all are reported at once.
 *
 * The rules are the specification's: an empty or blank variable counts as not set, and so does a wrong one. Wrong items
 * of a list are ignored. The letter case of names does not matter.
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

  /** One sentence per mistake, each once: `OTEL_TRACES_SAMPLER is 'on'; must be one of always_on, always_off`. */
  get faults(): readonly string[] {
    return [...this.#faults];
  }

  /** The variables that count as not set because they are wrong. */
  get wrong(): readonly string[] {
    return [...this.#wrong];
  }

  /** Collects one mistake, described in one sentence. */
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

  /** Returns a time limit in milliseconds; 0 means that there is none. */
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

  /** Returns one of `known`, given in any letter case. */
  choice<T extends string>(name: string, known: readonly T[]): T | undefined {
    return this.#parse(name, `must be one of ${known.join(', ')}`, (value) =>
      known.find((candidate) => candidate === value.toLowerCase()),
    );
  }

  /** Returns several of `known`, given with commas between them; an empty list for `none` alone. */
  choices<T extends string>(name: string, known: readonly T[]): readonly T[] | undefined {
    return this.list(name, (item) =>
      (known as readonly string[]).includes(item)
        ? undefined
        : `${name} has '${shown(item)}'; each must be one of ${known.join(', ')}, none`,
    ) as readonly T[] | undefined;
  }

  /**
   * Returns the items of a comma-separated list, in lower case, each once; an empty list for `none` alone.
   *
   * Items in which `faultOf` finds a fault are ignored. So is `none` beside other items: a name
   * asks for something, and a contradiction must not turn that off. A list of which nothing remains counts as not set.
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

  /** Checks a list of `key=value` with commas between them. The SDK reads it. */
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

  /** Returns the content of the file that a variable names. */
  file(name: string): Buffer | undefined {
    return this.#parse(name, 'must be a file that this process can read', (path) => {
      try {
        return readFileSync(path);
      } catch {
        return undefined;
      }
    });
  }

  /** Reports that a variable is wrong; it counts as not set from then on. */
  refuse(name: string, sentence: string): undefined {
    this.#wrong.add(name);
    this.fault(`${name} ${sentence}`);
  }

  #parse<T>(name: string, expected: string, parse: (value: string) => T | undefined): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    // Not repeated: headers hold keys, and a key itself may be where the name of its file belongs.
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

/** Returns a value as a message may show it: without the user and password of an address, and shortened. */
function shown(value: string): string {
  const text = value.replace(/^([a-z][\w+.-]*:\/\/)?[^/@]*@/i, '$1…@');
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** Returns `text` without control characters, with which a value could write lines of its own into a log. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is searched for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
}
