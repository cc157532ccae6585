/**
 * The types of names that READMEs use without declaring them, because their readers have them already.
 *
 * By a package that the code imports, then by name; `*` holds for all.
 */
export const SURROUNDINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '*': { stock: 'string', url: 'string', schema: "import('graphql').GraphQLSchema" },
  '@throughline/express': { app: "import('express').Express" },
  '@throughline/fastify': { app: "import('fastify').FastifyInstance<any, any, any, any>" },
  '@throughline/http': { createServer: "typeof import('node:http').createServer" },
  '@throughline/messaging/amqplib': {
    connection: "{ createChannel(): Promise<import('@throughline/messaging/amqplib').AmqpChannel> }",
  },
  '@throughline/koa': { app: "InstanceType<typeof import('koa')>", router: "import('@koa/router').default" },
  '@throughline/web': {
    Bun: '{ serve(options: object): unknown }',
    Deno: '{ serve(handler: unknown): unknown }',
  },
  '@throughline/web/hono': { app: "import('hono').Hono" },
};
