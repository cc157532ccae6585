/** A line of OpenTelemetry's SDK with the API that it wants. */
export interface SdkLine {
  readonly name: 'sdk2' | 'sdk3';
  readonly title: string;
  readonly packages: Readonly<Record<string, string>>;
}

export const SDK_LINES: readonly SdkLine[] = [
  {
    name: 'sdk2',
    title: 'SDK 2.12, API 1.9',
    packages: {
      '@opentelemetry/api': '~1.9.0',
      '@opentelemetry/context-async-hooks': '2.12.0',
      '@opentelemetry/core': '2.12.0',
      '@opentelemetry/sdk-metrics': '2.12.0',
      '@opentelemetry/sdk-trace-base': '2.12.0',
    },
  },
  {
    name: 'sdk3',
    title: 'SDK 3.1, API 1.10',
    packages: {
      '@opentelemetry/api': '~1.10.0',
      '@opentelemetry/context-async-hooks': '3.1.1',
      '@opentelemetry/core': '3.1.1',
      '@opentelemetry/sdk-metrics': '3.1.1',
      '@opentelemetry/sdk-trace': '3.1.1',
    },
  },
];

/** Node's lines with the SDK lines that run on them: SDK 3 asks for 22.15 and later. */
export const NODE_LINES: readonly { readonly major: number; readonly sdks: readonly SdkLine['name'][] }[] = [
  { major: 20, sdks: ['sdk2'] },
  { major: 22, sdks: ['sdk2', 'sdk3'] },
  { major: 24, sdks: ['sdk2', 'sdk3'] },
  { major: 26, sdks: ['sdk2', 'sdk3'] },
];

/** Both ends of what each framework adapter supports, under the names by which the conformance tests load them. */
export const FRAMEWORKS: Readonly<Record<string, string>> = {
  '@hono/node-server': '^2.1.9',
  '@koa/router': '^15.7.0',
  express: '^5.3.0',
  express4: 'npm:express@~4.18.0',
  fastify: '^5.12.8',
  fastify4: 'npm:fastify@~4.28.0',
  hono: '^4.13.19',
  koa: '^3.3.0',
  koa2: 'npm:koa@~2.15.0',
};

/** The RPC libraries, in the versions that their packages' tests use. */
export const RPC_LIBRARIES: Readonly<Record<string, string>> = {
  '@bufbuild/protobuf': '^2.17.0',
  '@connectrpc/connect': '2.3.0',
  '@connectrpc/connect-node': '2.3.0',
  '@grpc/grpc-js': '1.14.7',
};

/** The GraphQL servers, under the names by which the conformance tests load them. */
export const GRAPHQL_LIBRARIES: Readonly<Record<string, string>> = {
  '@apollo/server': '^5.5.1',
  apollo4: 'npm:@apollo/server@~4.7.2',
  dataloader: '^2.2.3',
  graphql: '^16.15.0',
  'graphql-ws': '^6.4.2',
  'graphql-yoga': '^5.24.1',
  mercurius: '^16.10.1',
  ws: '^8.23.0',
};

/** The libraries of sockets, in the versions that their package's tests use. */
export const SOCKET_LIBRARIES: Readonly<Record<string, string>> = {
  'socket.io': '^4.8.4',
  'socket.io-client': '^4.8.4',
  ws: '^8.23.0',
};

/** The pools of threads and processes, in the versions that their package's tests use. */
export const WORKER_LIBRARIES: Readonly<Record<string, string>> = {
  piscina: '^5.3.2',
  tinypool: '^2.2.0',
};

/** Runtimes beside Node, from npm packages of that name, with the arguments that run a program. */
export const RUNTIMES: readonly {
  readonly title: string;
  readonly package: string;
  /** Pinned, because what shows the end of a response there is not documented. */
  readonly version: string;
  readonly args: readonly string[];
  readonly adapters: readonly string[];
  /** Cases that the runtime itself does not pass, with the reason. */
  readonly skips?: Readonly<Record<string, string>>;
}[] = [
  {
    title: 'Bun',
    package: 'bun',
    version: '1.4.5',
    args: [],
    adapters: ['fetch handler on Bun', 'hono on Bun', 'tracedFetch'],
    skips: {
      'marks a call that could not connect, with a type of few values and no status code':
        "a server of Bun's node:http does not close while the case waits for it",
      'rejects what fetch rejects, with the same error, and records no span of a call never made':
        "Bun's fetch sends what the standard refuses",
      'gives up after as many redirects as fetch': "Bun's fetch follows more redirects than the standard",
    },
  },
  {
    title: 'Deno',
    package: 'deno',
    version: '2.9.6',
    args: ['run', '-A'],
    adapters: ['fetch handler on Deno', 'hono on Deno', 'tracedFetch'],
  },
];

/** The flags by which workerd has `AsyncLocalStorage`, without and with the rest of what it has of Node. */
export const WORKER_FLAGS: readonly string[] = ['nodejs_als', 'nodejs_compat'];
