import { jsonCodec } from '@throughline/websocket';
import { traceWebSocket } from '@throughline/websocket/ws';
import { WebSocket } from 'ws';

/** Returns a function that asks the discounts at this address what a price becomes, over one socket for all requests. */
export function createDiscountsClient(address: string): (cents: number) => Promise<number> {
  const TracedWebSocket = traceWebSocket(WebSocket, { messages: { codec: jsonCodec } });
  const waiting = new Map<number, { resolve(cents: number): void; reject(error: Error): void }>();
  let asked = 0;
  let connected: Promise<WebSocket> | undefined;

  function connect(): Promise<WebSocket> {
    const socket = new TracedWebSocket(`ws://${address}/discounts`);
    socket.on('message', (message) => {
      const { id, cents } = JSON.parse(String(message));
      waiting.get(id)?.resolve(cents);
      waiting.delete(id);
    });
    return new Promise((resolve, reject) => {
      socket.on('open', () => resolve(socket));
      socket.on('error', reject);
      socket.on('close', () => {
        connected = undefined;
        for (const { reject: fail } of waiting.values()) fail(new Error('discounts left'));
        waiting.clear();
      });
    });
  }

  return async (cents) => {
    connected ??= connect();
    const socket = await connected;
    const id = asked++;
    const answer = new Promise<number>((resolve, reject) => waiting.set(id, { resolve, reject }));
    socket.send(JSON.stringify({ id, cents }));
    return answer;
  };
}
