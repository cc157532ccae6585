import { throughline } from '../process/throughline.ts';

/** Only the bench of growth sets it. */
const count = Number(process.env.BENCH_ATTRIBUTES ?? 0);
const added = Object.fromEntries(
  Array.from({ length: count }, (_, n) => [`app.attribute${n}`, `value ${n}`]),
);

export default throughline(
  'Throughline, defaults',
  count === 0 ? {} : { server: { attributes: () => added } },
);
