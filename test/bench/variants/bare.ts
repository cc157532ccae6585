import type { Variant } from '../process/variant.ts';

export default {
  title: 'bare framework',
  expects: { spans: false, continues: false, propagates: false },
} satisfies Variant;
