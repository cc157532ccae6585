import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

/** A header line as it was on the wire: name in its own letter case, value. */
export type HeaderLine = readonly [name: string, value: string];

/** A server that answers every call and remembers with which header lines it came, by path. */
export class Listener {
  readonly #server: Server;
  readonly #calls = new Map<string, HeaderLine[]>();

  constructor() {
    this.#server = createServer((req, res) => {
      const { rawHeaders } = req;
      const lines: HeaderLine[] = [];
      for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
        lines.push([rawHeaders[i] as string, rawHeaders[i + 1] as string]);
      }
      this.#calls.set(req.url ?? '', lines);
      req.resume();
      res.end('null');
    });
  }

  async start(): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  /** The header lines of the call to this path, which counts once. */
  take(path: string): HeaderLine[] {
    const lines = this.#calls.get(path);
    if (lines === undefined) throw new Error(`nobody called ${path}`);
    this.#calls.delete(path);
    return lines;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** One service in a process of its own. */
export interface Service {
  readonly url: URL;
  stop(): void;
}

/** Starts `service.ts` with this adapter; `folder` holds it and an installation of what it imports. */
export async function startService(adapter: string, folder: string): Promise<Service> {
  const child: ChildProcess = spawn(process.execPath, [join(folder, 'service.ts'), adapter, '0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the ${adapter} service ended with ${code}`);
  });
  exited.catch(() => {});
  if (child.stdout === null) throw new Error('no output to read the address from');
  const line = await Promise.race([once(createInterface(child.stdout), 'line'), exited]);
  const address = /http:\S+$/.exec(String(line))?.[0];
  if (address === undefined) throw new Error(`no address in: ${line}`);
  return { url: new URL(address), stop: () => child.kill() };
}

/** Posts JSON with exactly these header lines beside the necessary ones, byte for byte; returns the whole answer. */
export async function postRaw(url: URL, lines: readonly string[], body: unknown): Promise<string> {
  const payload = JSON.stringify(body);
  const head = [
    `POST ${url.pathname} HTTP/1.1`,
    `host: ${url.host}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(payload)}`,
    'connection: close',
    ...lines,
  ];
  const socket = connect(Number(url.port), url.hostname);
  // Not end(): a half-closed connection counts as an aborted request.
  socket.write(Buffer.from(`${head.join('\r\n')}\r\n\r\n${payload}`, 'latin1'));
  return text(socket);
}
