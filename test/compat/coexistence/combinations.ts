/** The frameworks that each other tracer is tried beside. */
export const FRAMEWORKS = ['express', 'fastify', 'koa', 'node:http'] as const;
export type Framework = (typeof FRAMEWORKS)[number];

/** The ways of ours to make a call, as service.mjs makes them. */
export const CALLS = [
  'tracedFetch',
  'traceInterceptor',
  'fetch with traceHeaders',
  'node:http with traceHeaders',
] as const;
export type CallName = (typeof CALLS)[number];
