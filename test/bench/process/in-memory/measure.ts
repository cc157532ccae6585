/** What one operation costs. */
export interface Cost {
  /** Bytes allocated on V8's heap. */
  readonly bytes: number;
  /** µs of CPU time of the process: of the quickest round, because a neighbour makes rounds slower and none quicker. */
  readonly cpu: number;
}

export interface Counts {
  /** Repeated before anything is measured, until the compilers are done. */
  readonly warmUp: number;
  readonly rounds: number;
  /** Operations per round; what they allocate must fit into the young generation. */
  readonly perRound: number;
}

/**
 * Returns what `operation` costs.
 *
 * Bytes are counted between two collections, in a young generation so large (`--min-semi-space-size`) that nothing is
 * collected in between. A neighbour on the machine does not change them.
 */
export async function costOf(operation: () => Promise<unknown>, counts: Counts): Promise<Cost> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('run with --expose-gc');
  for (let done = 0; done < counts.warmUp; done++) {
    await operation();
    if (done % counts.perRound === 0) gc();
  }
  const bytes: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < counts.rounds; round++) {
    gc();
    const used = process.memoryUsage().heapUsed;
    const before = process.cpuUsage();
    for (let done = 0; done < counts.perRound; done++) await operation();
    const { user, system } = process.cpuUsage(before);
    bytes.push((process.memoryUsage().heapUsed - used) / counts.perRound);
    cpu.push((user + system) / counts.perRound);
  }
  bytes.sort((a, b) => a - b);
  return { bytes: bytes[counts.rounds >> 1] ?? Number.NaN, cpu: Math.min(...cpu) };
}
