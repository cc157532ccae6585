import { accessSync, constants } from 'node:fs';

/** Bounds of a number, both allowed. */
interface Range {
  readonly least: number;
  readonly most?: number;
}

/**
 * Reads environment variables and keeps what is wrong with them, so that all mistakes are told at once.
 *
 * An empty variable counts as not set, as the specification asks.
 *
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export class EnvironmentReader {
  readonly #faults = new Set<string>();
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** One sentence per mistake, each once: `OTEL_TRACES_SAMPLER is 'on'; known are always_on, always_off`. */
  get faults(): readonly string[] {
    return [...this.#faults];
  }

  fault(sentence: string): void {
    this.#faults.add(sentence);
  }

  text(name: string): string | undefined {
    return this.#env[name]?.trim() || undefined;
  }

  integer(name: string, { least, most = Number.MAX_SAFE_INTEGER }: Range): number | undefined {
    return this.#parse(name, bounds('a whole number', { least, most }), (value) =>
      /^\d+$/.test(value) && Number(value) >= least && Number(value) <= most ? Number(value) : undefined,
    );
  }

  ratio(name: string): number | undefined {
    return this.#parse(name, 'must be a number from 0 to 1', (value) =>
      Number(value) >= 0 && Number(value) <= 1 ? Number(value) : undefined,
    );
  }

  boolean(name: string): boolean | undefined {
    return this.choice(name, ['true', 'false']) && this.text(name)?.toLowerCase() === 'true';
  }

  /** One of `known`, in any letter case. */
  choice<T extends string>(name: string, known: readonly T[]): T | undefined {
    return this.#parse(name, `known are ${known.join(', ')}`, (value) =>
      known.find((candidate) => candidate === value.toLowerCase()),
    );
  }

  /** Several of `known`, with commas between them. `none` means no other, whatever else is named. */
  choices<T extends string>(name: string, known: readonly T[]): readonly T[] | undefined {
    const given = this.text(name)
      ?.split(',')
      .map((item) => item.trim().toLowerCase())
      .filter(Boolean);
    if (given === undefined) return undefined;
    const unknown = given.filter((item) => !(known as readonly string[]).includes(item));
    for (const item of unknown) this.fault(`${name} has '${item}'; known are ${known.join(', ')}`);
    return given.includes('none') ? [] : [...new Set(given as T[])];
  }

  url(name: string): string | undefined {
    return this.#parse(name, 'must be a URL that begins with http:// or https://', (value) =>
      URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) ? value : undefined,
    );
  }

  /** Checks a list of `key=value` with commas between them, whose reading is left to the SDK. */
  pairs(name: string, form: RegExp): void {
    this.#parse(name, 'must be a list of key=value with commas between them, percent-encoded', (value) =>
      value.split(',').every((pair) => pair.trim() === '' || (form.test(pair) && isDecodable(pair)))
        ? value
        : undefined,
    );
  }

  /** Checks that a file can be read, whose reading is left to the SDK. */
  file(name: string): void {
    this.#parse(name, 'must be a file that this process can read', (path) => {
      try {
        accessSync(path, constants.R_OK);
        return path;
      } catch {
        return undefined;
      }
    });
  }

  #parse<T>(name: string, expected: string, parse: (value: string) => T | undefined): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const parsed = parse(value);
    // Headers hold keys: what a list of pairs holds is not repeated.
    if (parsed === undefined)
      this.fault(`${name} ${name.endsWith('HEADERS') ? '' : `is '${value}'; `}${expected}`);
    return parsed;
  }
}

function bounds(what: string, { least, most }: Required<Range>): string {
  return `must be ${what} ${most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`}`;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
