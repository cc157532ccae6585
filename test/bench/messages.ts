import { type Child, startChild } from './child.ts';
import { type Mode, messageDuel, type Timing } from './duel.ts';
import type { Row } from './duel-table.ts';
import type { Installation } from './installation.ts';
import type { ExportedSpan } from './process/exported.ts';
import { type Duel, shuffled, summarize } from './statistics.ts';

/** The clients that are measured, with the broker that each talks to. */
export const MESSAGE_CLIENTS = { amqplib: 'rabbitmq', kafkajs: 'kafka', bullmq: 'redis' } as const;

const VARIANTS = ['bare', 'throughline', 'official'];

/** Rows by client; a client whose broker is not here is left out with the reason. */
export async function measureMessages(
  installation: Installation,
  rounds: number,
  timing: Timing,
  progress: (what: string) => void,
): Promise<{ tables: Record<string, Row[]>; missing: Record<string, string> }> {
  const tables: Record<string, Row[]> = {};
  const left: Record<string, string> = {};
  for (const [client, service] of Object.entries(MESSAGE_CLIENTS)) {
    const broker = await startChild('loading', import.meta.dirname, 'broker.ts', [service]);
    try {
      const { url, missing } = await broker.ask<{ url?: string; missing?: string }>('url');
      if (url === undefined) left[client] = missing ?? 'its broker did not start';
      else tables[client] = await tableOf(client, url, installation, rounds, timing, progress);
    } finally {
      await broker.ask('stop');
      await broker.stop();
    }
  }
  return { tables, missing: left };
}

/** Rows for unary calls of `@grpc/grpc-js`; a message is a call, and a process of its own is client and server. */
export async function measureCalls(
  installation: Installation,
  rounds: number,
  timing: Timing,
  progress: (what: string) => void,
): Promise<Record<string, Row[]>> {
  return { '@grpc/grpc-js': await tableOf('grpc-js', '', installation, rounds, timing, progress) };
}

async function tableOf(
  client: string,
  url: string,
  installation: Installation,
  rounds: number,
  timing: Timing,
  progress: (what: string) => void,
): Promise<Row[]> {
  const titles = new Map<string, string>();
  for (const file of VARIANTS) titles.set(file, await checked(client, file, url, installation));
  const all = new Map<string, Duel[]>();
  for (let round = 0; round < rounds; round++)
    for (const file of shuffled(VARIANTS)) {
      const outcome = await messageDuel(client, url, installation, file, timing);
      for (const [mode, one] of outcome) {
        const key = `${file} ${mode}`;
        all.set(key, [...(all.get(key) ?? []), one]);
      }
      progress(`${round + 1}/${rounds} ${client} ${file}`);
    }
  const result = (file: string, mode: Mode) => summarize(all.get(`${file} ${mode}`) ?? []);
  return VARIANTS.map((file) => ({
    id: file,
    title: titles.get(file) ?? file,
    sampled: result(file, 'sampled'),
    unsampled: result(file, 'unsampled'),
  }));
}

/** The variant's title, once it was seen to record what it says and to carry the trace to the handler. */
async function checked(client: string, file: string, url: string, { folder }: Installation): Promise<string> {
  const { default: variant } = await import(`./messages/${file}.mjs`);
  const env = { BENCH_CHECK: '1', BROKER_URL: url };
  const child: Child = await startChild('measured', folder, 'messages.ts', [client, file], { env });
  try {
    const { sent, active, spans } = await child.ask<{ sent: string; active?: string; spans: ExportedSpan[] }>(
      'once',
    );
    const seen = `${spans.length} spans, handled in ${active}, sent in ${sent}`;
    if (variant.expects.spans !== spans.length > 0) throw new Error(`${file} on ${client}: ${seen}`);
    if (variant.expects.spans && !spans.some(({ traceId }) => traceId === sent))
      throw new Error(`${file} on ${client} does not continue the sender's trace: ${seen}`);
    return variant.title;
  } finally {
    await child.stop();
  }
}
