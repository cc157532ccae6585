import { traceChannel } from '@throughline/messaging/amqplib';
import amqp from 'amqplib';

/** What the mailer needs to know. */
export interface PlacedOrder {
  readonly order: string;
  readonly cart: string;
  readonly total: number;
}

/** The name of the queue in which orders are announced. */
export const ORDER_PLACED = 'order.placed';

/**
 * Connects to RabbitMQ and returns a function that announces an order there; its promise resolves when the broker has it.
 *
 * @example
 * const announce = await createAnnouncer('amqp://guest:guest@127.0.0.1:5672');
 * await announce({ order: '1', cart: '42', total: 900 });
 */
export async function createAnnouncer(url: string): Promise<(order: PlacedOrder) => Promise<void>> {
  const connection = await amqp.connect(url);
  const channel = traceChannel(await connection.createConfirmChannel());
  await channel.assertQueue(ORDER_PLACED);

  return async (order) => {
    channel.sendToQueue(ORDER_PLACED, Buffer.from(JSON.stringify(order)), { persistent: true });
    await channel.waitForConfirms();
  };
}
