import { once } from 'node:events';
import { connect } from 'node:net';
import { type Child, startChild } from './child.ts';
import type { Contender } from './duel.ts';
import type { ExportedSpan } from './process/exported.ts';
import { requestBytes } from './process/load.ts';
import type { Framework, Variant } from './process/variant.ts';

interface Arrived {
  readonly headers: Record<string, string | undefined>;
  readonly traceparents: number;
}

/** Whether a variant does what it says: spans, their parents, headers of an outgoing call. Throws when it does not. */
export async function checkVariant(
  framework: Framework,
  contender: Contender,
  { expects, sentryTrace = false, title }: Variant,
): Promise<void> {
  const children: Child[] = [];
  const must = (holds: boolean, what: string) => {
    if (!holds) throw new Error(`${title} on ${framework}: ${what}`);
  };
  try {
    const origin = await startChild('loading', import.meta.dirname, 'origin.ts');
    children.push(origin);
    const { folder } = contender.installation;
    const env = {
      ...contender.env,
      BENCH_CHECK: '1',
      BENCH_ORIGIN: `http://127.0.0.1:${origin.port}/`,
    };
    const server = await startChild('measured', folder, 'server.ts', [framework, contender.file], { env });
    children.push(server);

    for (const sampled of [true, false]) {
      await server.ask('sampled', sampled);
      for (const path of ['/items/42?color=blue', '/call']) {
        const caller = await send(server.port, path, sampled, sentryTrace);
        const { spans } = await server.ask<{ spans: ExportedSpan[] }>('spans');
        const arrived = path === '/call' ? await origin.ask<Arrived | undefined>('last') : undefined;
        const where = `${path}, ${sampled ? 'sampled' : 'unsampled'}`;
        const wanted = sampled ? expects.spans : expects.unsampledSpans === true;
        must(spans.length > 0 === wanted, `${spans.length} spans (${where})`);
        if (wanted && expects.continues)
          must(
            spans.some(
              ({ traceId, parentSpanId }) =>
                same(traceId, caller.traceId) && same(parentSpanId, caller.spanId),
            ),
            `no span has the caller as its parent (${where}): ${JSON.stringify(spans)}`,
          );
        if (path !== '/call') continue;
        must(arrived !== undefined, `the outgoing call did not arrive (${where})`);
        const sent = arrived?.headers.traceparent;
        if (!expects.propagates) {
          must(sent === undefined, `the outgoing call brought a traceparent (${where})`);
          continue;
        }
        const [, traceId, spanId] = sent?.split('-') ?? [];
        must(arrived?.traceparents === 1, `${arrived?.traceparents} traceparents left (${where})`);
        must(traceId === caller.traceId, `the outgoing call has another trace (${where}): ${sent}`);
        if (wanted)
          must(
            spans.some((span) => same(span.spanId, spanId)),
            `the outgoing call names a span that was not exported (${where})`,
          );
      }
    }
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

/** Some have 64-bit trace ids, or no leading zeros. */
function same(id: string | undefined, whole: string | undefined): boolean {
  const plain = id?.replace(/^0+/, '');
  return plain !== undefined && plain !== '' && whole?.endsWith(plain) === true;
}

async function send(port: number, path: string, sampled: boolean, sentryTrace: boolean) {
  const request = requestBytes({ path, sampled, sentryTrace });
  const socket = connect(port, '127.0.0.1');
  socket.write(request);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
    if (/\}$/.test(answer)) socket.end();
  });
  await once(socket, 'close');
  if (!answer.startsWith('HTTP/1.1 200')) throw new Error(`answered ${answer.split('\r\n', 1)[0]}`);
  const [, traceId = '', spanId = ''] = /traceparent: 00-(\w+)-(\w+)-/.exec(request.toString('latin1')) ?? [];
  return { traceId, spanId };
}
