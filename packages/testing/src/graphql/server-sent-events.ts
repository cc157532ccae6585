import type { SubscribedEvents } from './graphql-conformance-options.ts';

/** Subscribes by server-sent events. */
export function subscribeBySse(url: string, query: string): SubscribedEvents {
  const leaving = new AbortController();
  return {
    async *[Symbol.asyncIterator]() {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
        body: JSON.stringify({ query }),
        signal: leaving.signal,
      });
      let text = '';
      for await (const bytes of response.body ?? []) {
        const events = (text + Buffer.from(bytes).toString()).split('\n\n');
        text = events.pop() ?? '';
        for (const event of events) {
          const data = /^data: (\{.*)$/m.exec(event)?.[1];
          if (data !== undefined) yield JSON.parse(data);
        }
      }
    },
    leave: () => leaving.abort(),
  };
}
