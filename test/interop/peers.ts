import { join } from 'node:path';
import type { Recipe } from '../backends/cached-builds.ts';
import { freePorts, startServer } from '../backends/server-process.ts';
import { GO_SERVICE, PYTHON_ENVIRONMENT, RUST_SERVICE } from './recipes.ts';

/** A span as every service of these tests lists it. */
export interface EndedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId?: string;
  readonly traceState: string;
  readonly kind: string;
  readonly error: boolean;
}

export interface Peer {
  readonly url: string;
  spans(): Promise<EndedSpan[]>;
  stop(): Promise<void>;
}

/** A language on the other side. */
export interface Language {
  readonly name: string;
  readonly recipe: Recipe;
  /** Arguments of the program that the recipe makes. */
  readonly args: readonly string[];
}

export const LANGUAGES: readonly Language[] = [
  { name: 'Go (net/http, otelhttp)', recipe: GO_SERVICE, args: [] },
  {
    name: 'Python (FastAPI, httpx)',
    recipe: PYTHON_ENVIRONMENT,
    args: [join(import.meta.dirname, 'python', 'service.py')],
  },
  { name: 'Rust (axum, reqwest)', recipe: RUST_SERVICE, args: [] },
];

/** Starts the service of a language. */
export async function startPeer({ name, args }: Language, program: string): Promise<Peer> {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name,
    command: program,
    args,
    env: { PORT: `${port}`, PYTHONDONTWRITEBYTECODE: '1' },
    ready: `${url}/spans`,
  });
  return {
    url,
    spans: async () => (await (await fetch(`${url}/spans`)).json()) as EndedSpan[],
    stop: server.stop,
  };
}
