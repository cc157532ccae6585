import { type Baggage, type BaggageEntry, baggageEntryMetadataFromString } from '@opentelemetry/api';
import {
  MAX_BAGGAGE_BYTES,
  MAX_BAGGAGE_MEMBERS,
  memberProperties,
  memberText,
  memberValue,
  readMembers,
} from './baggage-members.ts';

/**
 * Baggage that is read from its header when somebody asks for an entry; most services only pass it on.
 *
 * Its entries live in a `Map`, so any key is safe and order is kept.
 */
export class MemberBaggage implements Baggage {
  readonly #lines: readonly string[] | undefined;
  #entries: ReadonlyMap<string, BaggageEntry> | undefined;
  #header: string | undefined;

  constructor(lines: readonly string[] | undefined, entries?: ReadonlyMap<string, BaggageEntry>) {
    this.#lines = lines;
    this.#entries = entries;
  }

  getEntry(key: string): BaggageEntry | undefined {
    return this.#all().get(key);
  }

  getAllEntries(): [string, BaggageEntry][] {
    return [...this.#all()];
  }

  setEntry(key: string, entry: BaggageEntry): Baggage {
    return new MemberBaggage(undefined, new Map(this.#all()).set(key, entry));
  }

  removeEntry(key: string): Baggage {
    return this.removeEntries(key);
  }

  removeEntries(...keys: string[]): Baggage {
    const entries = new Map(this.#all());
    for (const key of keys) entries.delete(key);
    return new MemberBaggage(undefined, entries);
  }

  clear(): Baggage {
    return new MemberBaggage(undefined, new Map());
  }

  /** What to send: the members as they were received, duplicates included, or the entries since then. */
  header(): string {
    this.#header ??= this.#lines === undefined ? baggageHeader(this) : receivedHeader(this.#lines);
    return this.#header;
  }

  #all(): ReadonlyMap<string, BaggageEntry> {
    if (this.#entries === undefined) {
      const entries = new Map<string, BaggageEntry>();
      for (const member of readMembers(this.#lines ?? [])) {
        const value = memberValue(member);
        const properties = memberProperties(member);
        entries.set(
          member.key,
          properties === undefined
            ? { value }
            : { value, metadata: baggageEntryMetadataFromString(properties) },
        );
      }
      this.#entries = entries;
    }
    return this.#entries;
  }
}

function receivedHeader(lines: readonly string[]): string {
  const members = readMembers(lines);
  let text = '';
  for (const member of members) text += text === '' ? member.text : `,${member.text}`;
  return text;
}

/** The header for baggage of any make; whole members only, and none that a receiver could misread. */
export function baggageHeader(baggage: Baggage): string {
  let text = '';
  let count = 0;
  for (const [key, entry] of baggage.getAllEntries()) {
    const member = memberText(key, entry);
    if (member === '') continue;
    const length = text.length === 0 ? member.length : text.length + 1 + member.length;
    if (length > MAX_BAGGAGE_BYTES) continue;
    text = text === '' ? member : `${text},${member}`;
    if (++count === MAX_BAGGAGE_MEMBERS) break;
  }
  return text;
}
