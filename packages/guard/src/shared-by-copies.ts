/** The parts of the shared memory, each with the version of its layout. A new layout gets a new number. */
const LAYOUTS = {
  bareCalls: 1,
  context: 1,
  findings: 1,
  calls: 1,
  reliance: 1,
  reported: 1,
} as const;

type Part = keyof typeof LAYOUTS;

const holder = globalThis as { [part: symbol]: unknown };
const PREFIX = 'throughline.shared.';

/**
 * Returns a part of the memory that all copies of this package in one process share. There are several copies where
 * versions are nested, where an application is bundled and its server is not, and where half of it is CommonJS in its
 * own bundle.
 *
 * Each part is held under a registered symbol with the version of its layout; copies with another layout have their own.
 */
export function sharedByCopies<T extends object>(part: Part, create: () => T): T {
  const key = Symbol.for(`${PREFIX}${part}.${LAYOUTS[part]}`);
  const existing = holder[key];
  if (existing !== undefined) return existing as T;
  const created = create();
  // Where globals are frozen, this copy does not share.
  Reflect.defineProperty(holder, key, { value: created, configurable: true });
  return created;
}

/** Whether another copy of this package holds `part` in a layout that this copy does not share. */
export function isHeldApart(part: Part): boolean {
  const start = `${PREFIX}${part}.`;
  const own = Symbol.for(`${start}${LAYOUTS[part]}`);
  return Object.getOwnPropertySymbols(holder).some(
    (key) => key !== own && key.description?.startsWith(start) === true,
  );
}
