import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** An answer, written as it is: status line, fields, body. */
export interface RawAnswer {
  readonly status: number;
  readonly fields?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

/** Two origins that answer in order of arrival, whatever is asked, and note every byte that they receive. */
export interface RawServers {
  /** `http://127.0.0.1:8123`, and the other one. */
  readonly here: string;
  readonly there: string;
  /** Answers from now on with these, the last one again and again. */
  play(answers: readonly RawAnswer[], onRequest?: (count: number) => void): void;
  /** What arrived since, one text per request, one character per byte. */
  received(): readonly string[];
  close(): Promise<void>;
}

export async function startRawServers(): Promise<RawServers> {
  let answers: readonly RawAnswer[] = [];
  let onRequest: ((count: number) => void) | undefined;
  let arrived: string[] = [];
  const sockets = new Set<Socket>();
  const origin = (name: string) => {
    const server = createServer((socket) => {
      sockets.add(socket);
      let bytes = '';
      let whole = false;
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {});
      socket.setEncoding('latin1').on('data', (chunk) => {
        bytes += chunk;
        if (whole || !isWhole(bytes)) return;
        whole = true;
        const count = arrived.push(`${name}\r\n${bytes}`);
        onRequest?.(count);
        const answer = answers[Math.min(count, answers.length) - 1] ?? { status: 200 };
        socket.end(written(answer, bytes.startsWith('HEAD ')), 'latin1');
      });
    });
    server.listen(0, '127.0.0.1');
    return server;
  };
  const servers = [origin('here'), origin('there')] as const;
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const urlOf = (server: Server, host: string) => `http://${host}:${(server.address() as AddressInfo).port}`;
  return {
    here: urlOf(servers[0], '127.0.0.1'),
    there: urlOf(servers[1], '127.0.0.1'),
    play(next, hook) {
      answers = next;
      onRequest = hook;
      arrived = [];
    },
    received: () => arrived,
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => once(server.close(), 'close')));
    },
  };
}

/** Whether a request is there with its whole body. */
function isWhole(bytes: string): boolean {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const head = bytes.slice(0, end).toLowerCase();
  const body = bytes.slice(end + 4);
  if (head.includes('\r\ntransfer-encoding: chunked')) return body.endsWith('0\r\n\r\n');
  return body.length >= Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0);
}

function written({ status, fields = [], body = '' }: RawAnswer, toHead: boolean): string {
  const bare = status === 204 || status === 304;
  const all = [
    ...fields,
    ...(bare ? [] : [['content-length', String(body.length)]]),
    ['connection', 'close'],
  ];
  const lines = all.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `HTTP/1.1 ${status} Answer\r\n${lines}\r\n${bare || toHead ? '' : body}`;
}
