export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** A new order of the same things. */
export function shuffled<T>(values: readonly T[]): T[] {
  const left = [...values];
  const order: T[] = [];
  while (left.length > 0) order.push(...left.splice(Math.floor(Math.random() * left.length), 1));
  return order;
}

/** One duel: µs of CPU time per operation, of either side in the same seconds. */
export interface Duel {
  readonly base: number;
  readonly variant: number;
}

/** What several duels of fresh processes say together. */
export interface Result {
  /** Median of the µs per operation of the base, in these duels. */
  readonly base: number;
  /** Median of variant ÷ base. */
  readonly ratio: number;
  /** µs that the variant adds: by the median ratio, and the least and the most of single duels. */
  readonly added: number;
  readonly least: number;
  readonly most: number;
  readonly duels: number;
}

export function summarize(duels: readonly Duel[]): Result {
  const base = median(duels.map((duel) => duel.base));
  const ratio = median(duels.map((duel) => duel.variant / duel.base));
  // The duels' own differences would carry the machine's speed of the moment; ratios of one moment do not.
  const added = duels.map((duel) => (duel.variant / duel.base - 1) * base);
  return {
    base,
    ratio,
    added: (ratio - 1) * base,
    least: Math.min(...added),
    most: Math.max(...added),
    duels: duels.length,
  };
}
