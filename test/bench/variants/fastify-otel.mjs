import { createRequire } from 'node:module';
import { startSdk } from '../process/sdk.ts';

const require = createRequire(import.meta.url);

/** Without the instrumentation of http, which starts a span of its own around it. */
export default {
  title: '@fastify/otel alone',
  only: 'fastify',
  expects: { spans: true, continues: true, propagates: false },
  start: () => startSdk(),
  fastify: (app) => {
    const { FastifyOtelInstrumentation } = require('@fastify/otel');
    return app.register(new FastifyOtelInstrumentation().plugin());
  },
};
