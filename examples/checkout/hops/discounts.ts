import { setTimeout as delay } from 'node:timers/promises';
import { jsonCodec } from '@throughline/websocket';
import { traceWebSocketServer } from '@throughline/websocket/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { startTracing } from '../tracing.ts';

startTracing('discounts');

const port = Number(process.env.PORT ?? 3005);
const Server = traceWebSocketServer(WebSocketServer, { messages: { codec: jsonCodec } });

new Server({ port, host: '127.0.0.1', path: '/discounts' })
  .on('connection', (socket: WebSocket) => {
    socket.on('message', async (message) => {
      const { id, cents } = JSON.parse(String(message));
      // Stands in for a look at the customer's contract.
      await delay(4);
      socket.send(JSON.stringify({ id, cents }));
    });
  })
  .on('listening', () => console.log(`discounts listening on 127.0.0.1:${port}`));
