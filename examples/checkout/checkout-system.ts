import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startHeaderStrippingProxy } from './header-stripping-proxy.ts';

/** The services, from the one that customers call to those that call no other. */
export const SERVICES = [
  { name: 'gateway', framework: 'Express' },
  { name: 'orders', framework: 'Fastify' },
  { name: 'inventory', framework: 'Koa' },
  { name: 'pricing', framework: 'node:http' },
] as const;

export type ServiceName = (typeof SERVICES)[number]['name'];

/** The services behind the queue. Customers do not call them; messages reach them. */
const QUEUE_SERVICES = [
  { name: 'mailer', framework: 'amqplib', reads: 'rabbitmqUrl' },
  { name: 'mail-worker', framework: 'BullMQ', reads: 'redisUrl' },
] as const;

/** The services behind other hops than HTTP, each called at the address in its variable. */
const HOP_SERVICES = [
  { name: 'warehouse', framework: 'gRPC', variable: 'WAREHOUSE_ADDRESS' },
  { name: 'discounts', framework: 'ws', variable: 'DISCOUNTS_ADDRESS' },
] as const;

export interface QueueOptions {
  /** The broker that orders are announced through: `amqp://guest:guest@127.0.0.1:5672`. */
  readonly rabbitmqUrl: string;
  /** The store of the jobs that send mails: `redis://127.0.0.1:6379`. */
  readonly redisUrl: string;
  /** Leaves the mailer's channel untraced. @default false */
  readonly forgetChannel?: boolean;
}

export interface CheckoutSystemOptions {
  /** Where the services export their spans: `http://127.0.0.1:4318`. */
  readonly otlpEndpoint: string;
  /** Puts a proxy that drops trace headers between gateway and orders. @default false */
  readonly stripHeaders?: boolean;
  /** Adds the two services behind a queue. Its clients must be installed, see `queue/package.json`. Absent: no queue. */
  readonly queue?: QueueOptions | undefined;
  /** Adds the services that are called by other means than HTTP. @default false */
  readonly hops?: boolean;
  /** Replaces the address at which a service is called, to simulate an outage or use a stand-in. Absent: its own. */
  readonly addresses?: Partial<Record<ServiceName, string>>;
  /** Stops what has been started so far, and rejects. It has no effect once all services listen. Absent: no way to stop early. */
  readonly signal?: AbortSignal;
  /** Called with the last stderr of a service that ended unexpectedly. Absent: that is not reported. */
  readonly onCrash?: (service: string, stderr: string) => void;
}

/** A service that runs. */
export interface RunningService {
  readonly name: string;
  readonly framework: string;
  /** Where it listens, or what it reads from: a URL. */
  readonly address: string;
}

export interface CheckoutSystem {
  readonly services: readonly RunningService[];
  readonly urls: Readonly<Record<ServiceName, string>>;
  /** Absent without `stripHeaders`. */
  readonly proxyUrl?: string;
  /** Process ids, in the order of `services`. */
  readonly pids: readonly number[];
  /** Ends every service, which first exports the spans that it still holds. */
  stop(): Promise<void>;
}

/** In milliseconds. It is short, because a person waits for the trace; in production, every few seconds is enough. */
const EXPORT_DELAY = '50';
const START_DEADLINE = 15_000;
const STOP_DEADLINE = 3_000;
const STDERR_KEPT = 4_000;

/**
 * Starts the services, each in a process of its own, and resolves when all of them listen.
 *
 * Rejects if one does not start, with its stderr in the message, and stops the others.
 *
 * @example
 * const system = await startCheckoutSystem({ otlpEndpoint: receiver.url });
 * await fetch(`${system.urls.gateway}/checkout/42`, { method: 'POST' });
 */
export async function startCheckoutSystem(options: CheckoutSystemOptions): Promise<CheckoutSystem> {
  const { queue } = options;
  const hops = options.hops ? HOP_SERVICES : [];
  const [gateway, orders, inventory, pricing, ...hopPorts] = await freePorts(SERVICES.length + hops.length);
  const ports: Record<ServiceName, number | undefined> = { gateway, orders, inventory, pricing };
  const url = (name: ServiceName) => `http://127.0.0.1:${ports[name]}`;
  const proxy = options.stripHeaders ? await startHeaderStrippingProxy(url('orders')) : undefined;
  const env = {
    ...process.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: options.otlpEndpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: EXPORT_DELAY,
    OTEL_METRICS_EXPORTER: 'none',
    ORDERS_URL: options.addresses?.orders ?? proxy?.url ?? url('orders'),
    INVENTORY_URL: options.addresses?.inventory ?? url('inventory'),
    PRICING_URL: options.addresses?.pricing ?? url('pricing'),
    RABBITMQ_URL: queue?.rabbitmqUrl,
    REDIS_URL: queue?.redisUrl,
    FORGET_CHANNEL: queue?.forgetChannel ? '1' : undefined,
    ...Object.fromEntries(hops.map(({ variable }, i) => [variable, `127.0.0.1:${hopPorts[i]}`])),
  };
  const services: (RunningService & { file: string; port?: string })[] = SERVICES.map((service) => ({
    ...service,
    file: `${service.name}.ts`,
    address: url(service.name),
    port: String(ports[service.name]),
  }));
  for (const [i, { name, framework }] of hops.entries())
    services.push({
      name,
      framework,
      file: `hops/${name}.ts`,
      address: `127.0.0.1:${hopPorts[i]}`,
      port: String(hopPorts[i]),
    });
  if (queue)
    for (const { name, framework, reads } of QUEUE_SERVICES)
      services.push({ name, framework, file: `queue/${name}.ts`, address: withoutUser(queue[reads]) });

  let running = false;
  const children = services.map(({ name, file, port }) => {
    const child = startService(name, file, { ...env, PORT: port });
    void child.failed.then((stderr) => {
      if (running) options.onCrash?.(name, stderr);
    });
    return child;
  });
  const stop = async () => {
    running = false;
    await Promise.all(children.map(({ process: child }) => stopChild(child)));
    await proxy?.close();
  };
  const failure = Promise.race(
    children.map(async ({ name, failed }) => {
      throw new Error(`${name} did not start.\n${await failed}`);
    }),
  );
  try {
    await Promise.race([
      Promise.all(children.map(({ listening }) => listening)),
      failure,
      startDeadline(),
      aborted(options.signal),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  running = true;
  failure.catch(() => {});
  return {
    services,
    urls: {
      gateway: url('gateway'),
      orders: url('orders'),
      inventory: url('inventory'),
      pricing: url('pricing'),
    },
    ...(proxy && { proxyUrl: proxy.url }),
    pids: children.map(({ process: child }) => child.pid ?? 0),
    stop,
  };
}

interface Service {
  readonly name: string;
  readonly process: ChildProcess;
  /** Resolves once the service reports that it listens. */
  readonly listening: Promise<void>;
  /** Resolves with its last stderr once it has ended, for any reason. */
  readonly failed: Promise<string>;
}

function startService(name: string, file: string, env: NodeJS.ProcessEnv): Service {
  // The channel is never written to: it closes when this process ends, even by SIGKILL, and the service follows.
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url))], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // In a process group of its own, so that only this process receives Ctrl-C of a terminal.
    detached: true,
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_KEPT);
  });
  const listening = new Promise<void>((resolve) => {
    if (!child.stdout) return;
    createInterface(child.stdout).on('line', (line) => {
      if (line.includes('listening on')) resolve();
    });
  });
  const failed = Promise.race([
    once(child, 'close').then(([code, signal]) => `${stderr}(exit ${code ?? signal})`),
    once(child, 'error').then(([error]) => String(error)),
  ]);
  return { name, process: child, listening, failed };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE);
  await ended;
  clearTimeout(timer);
}

/** Returns a URL without user and password, so that it may be shown. */
function withoutUser(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function startDeadline(): Promise<never> {
  return new Promise((_, reject) => {
    const late = () => reject(new Error(`the services did not all start within ${START_DEADLINE / 1000} s`));
    setTimeout(late, START_DEADLINE).unref();
  });
}

/** Returns free ports. All are held at the same time, so that they differ, and released just before the services use them. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      server.close();
      await once(server, 'close');
      return typeof address === 'object' && address ? address.port : 0;
    }),
  );
}
