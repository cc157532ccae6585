import { Session } from 'node:inspector/promises';

/** What was spent where, while `count` operations were done. */
export interface Spent {
  readonly count: number;
  readonly rows: readonly (readonly [place: string, amount: number])[];
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** µs by function, over `ms`. */
export async function cpuProfile(ms: number, counter: () => number): Promise<Spent> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 100 });
  const before = counter();
  await session.post('Profiler.start');
  await sleep(ms);
  const { profile } = await session.post('Profiler.stop');
  const count = counter() - before;
  session.disconnect();
  const places = new Map(profile.nodes.map((node) => [node.id, placeOf(node.callFrame)]));
  const times = new Map<string, number>();
  for (const [at, id] of (profile.samples ?? []).entries()) {
    const place = places.get(id) ?? '';
    if (place !== '(idle)') times.set(place, (times.get(place) ?? 0) + (profile.timeDeltas?.[at] ?? 0));
  }
  return { count, rows: [...times] };
}

/** Bytes allocated by function, over `ms`, collected ones included. */
export async function heapProfile(ms: number, counter: () => number): Promise<Spent> {
  const session = new Session();
  session.connect();
  const before = counter();
  // The two last ones are younger than the types.
  const options = {
    samplingInterval: 2048,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  };
  await session.post('HeapProfiler.startSampling', options);
  await sleep(ms);
  const { profile } = await session.post('HeapProfiler.stopSampling');
  const count = counter() - before;
  session.disconnect();
  const rows: [string, number][] = [];
  const visit = (node: typeof profile.head) => {
    if (node.selfSize > 0) rows.push([placeOf(node.callFrame), node.selfSize]);
    for (const child of node.children) visit(child);
  };
  visit(profile.head);
  return { count, rows };
}

function placeOf(frame: { functionName: string; url: string; lineNumber: number }): string {
  const { functionName, url, lineNumber } = frame;
  if (url === '') return functionName;
  const file = url
    .replace(/^.*\/node_modules\//, 'node_modules/')
    .replace(/^file:.*\/(?=process|variants)/, '');
  return `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`;
}
