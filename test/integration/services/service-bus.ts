import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import rhea, { type Container, type EventContext, type Message, type Sender, type Typed } from 'rhea';
import { freePort } from './port.ts';
import type { Service } from './service.ts';

const CBS = '$cbs';
const LOCK_MS = 60_000;
/** What a batch of messages has in place of AMQP's format 0: each data section holds an encoded message. */
const BATCH_FORMAT = 0x80013700;
const PRE_SETTLED = 1;
/** How the service confirms every outcome, that of a rejected message too. */
const ACCEPTED = (rhea.message as unknown as Outcomes).accepted().described();

interface Waiting {
  readonly message: Message;
  readonly deliveryCount: number;
}

/** One queue: its messages wait for a receiver with credit, which then holds their locks. */
class Queue {
  readonly #waiting: Waiting[] = [];
  readonly #locked = new Map<unknown, { waiting: Waiting; receiver: Sender }>();
  readonly #receivers = new Set<Sender>();
  #sequenceNumber = 1;

  add({ delivery_annotations, ...message }: Message): void {
    const message_annotations = {
      ...message.message_annotations,
      'x-opt-enqueued-time': new Date(),
      'x-opt-sequence-number': rhea.types.wrap_long(this.#sequenceNumber++),
    };
    // The client cannot settle a message without an id, and leaves it out when its user does.
    const message_id = message.message_id ?? rhea.generate_uuid();
    this.#waiting.push({ message: { ...message, message_id, message_annotations }, deliveryCount: 0 });
    this.deliver();
  }

  attach(receiver: Sender): void {
    this.#receivers.add(receiver);
  }

  /** A receiver that left gives back what it had not settled. */
  detach(receiver: Sender): void {
    this.#receivers.delete(receiver);
    for (const [delivery, lock] of this.#locked) {
      if (lock.receiver === receiver) {
        this.release(delivery);
      }
    }
  }

  deliver(): void {
    for (const receiver of this.#receivers) {
      while (receiver.sendable() && this.#waiting.length > 0) {
        const waiting = this.#waiting.shift() as Waiting;
        const delivery = receiver.send(
          {
            ...waiting.message,
            delivery_count: waiting.deliveryCount,
            message_annotations: {
              ...waiting.message.message_annotations,
              'x-opt-locked-until': new Date(Date.now() + LOCK_MS),
            },
          },
          // The lock token: the client reads a UUID out of it.
          randomBytes(16),
        );
        if (receiver.snd_settle_mode !== PRE_SETTLED) {
          this.#locked.set(delivery, { waiting, receiver });
        }
      }
    }
  }

  settle(delivery: unknown): void {
    this.#locked.delete(delivery);
  }

  release(delivery: unknown): void {
    const lock = this.#locked.get(delivery);
    if (lock) {
      this.#locked.delete(delivery);
      this.#waiting.push({ message: lock.waiting.message, deliveryCount: lock.waiting.deliveryCount + 1 });
      this.deliver();
    }
  }
}

/** Queues by address; a topic is what has queues under `<topic>/Subscriptions/`. All appear when first asked for. */
class Broker {
  readonly #queues = new Map<string, Queue>();

  queue(address: string): Queue {
    const queue = this.#queues.get(address) ?? new Queue();
    this.#queues.set(address, queue);
    return queue;
  }

  add(address: string, message: Message): void {
    const subscriptions = [...this.#queues].filter(([name]) => name.startsWith(`${address}/Subscriptions/`));
    if (subscriptions.length === 0) {
      this.queue(address).add(message);
    }
    for (const [, queue] of subscriptions) {
      queue.add(message);
    }
  }

  /** A container of AMQP 1.0 whose links are this broker's senders and receivers. */
  container(): Container {
    const container = rhea.create_container({ autosettle: false, treat_modified_as_released: false });
    // Each client answers to a link of its own.
    const tokenReplies = new WeakMap<object, Sender>();
    container.on('sender_open', ({ sender }: EventContext) => {
      const address = sender?.source?.address;
      if (!sender || !address) {
        return;
      }
      sender.set_source({ address });
      if (address === CBS) {
        tokenReplies.set(sender.connection, sender);
      } else {
        // What the client asked for decides whether what we send to it is settled already.
        Object.assign((sender as unknown as LocalAttach).local.attach, {
          snd_settle_mode: sender.snd_settle_mode,
          rcv_settle_mode: sender.rcv_settle_mode,
        });
        const queue = this.queue(address);
        queue.attach(sender);
        sender.on('sendable', () => queue.deliver());
        sender.on('sender_draining', () => sender.set_drained(true));
        const settled = ({ delivery }: EventContext) => delivery?.update(true, ACCEPTED);
        for (const outcome of ['accepted', 'rejected']) {
          sender.on(outcome, (event: EventContext) => {
            queue.settle(event.delivery);
            settled(event);
          });
        }
        for (const outcome of ['released', 'modified']) {
          sender.on(outcome, (event: EventContext) => {
            settled(event);
            queue.release(event.delivery);
          });
        }
        sender.once('sender_close', () => queue.detach(sender));
        sender.session.once('session_close', () => queue.detach(sender));
        sender.connection.once('connection_close', () => queue.detach(sender));
        sender.connection.once('disconnected', () => queue.detach(sender));
      }
    });
    container.on('receiver_open', ({ receiver }: EventContext) => {
      receiver?.set_target({ address: receiver.target?.address });
    });
    container.on('message', ({ receiver, message, ...event }: EventContext) => {
      const address = receiver?.target?.address;
      if (address === CBS) {
        tokenReplies.get(receiver?.connection ?? {})?.send(tokenAccepted(message as Message));
      } else if (address) {
        for (const each of unpacked(message, (event as { format?: number }).format)) {
          this.add(address, each);
        }
      }
    });
    return container;
  }
}

/** What rhea's types leave out. */
interface Outcomes {
  accepted(): { described(): Typed };
}

interface LocalAttach {
  readonly local: { readonly attach: object };
}

/** The answer to a token that a client puts; every token is good enough. */
function tokenAccepted({ message_id, reply_to }: Message): Message {
  return {
    correlation_id: message_id,
    to: reply_to,
    application_properties: { 'status-code': 202, 'status-description': 'OK' },
    body: '',
  } as Message;
}

/** The messages of one transfer: several when it is a batch. */
function unpacked(message: unknown, format: number | undefined): Message[] {
  if (format !== BATCH_FORMAT) {
    return [message as Message];
  }
  const { content } = rhea.message.decode(message as Buffer).body as { content: Buffer | Buffer[] };
  return [content].flat().map((section) => rhea.message.decode(section) as unknown as Message);
}

/**
 * A double of Azure Service Bus, for the client's AMQP 1.0: queues, topics, peek-lock with complete, abandon and
 * dead-letter, receive-and-delete, batches. There are no sessions, no lock renewal, no deferred or scheduled messages, and
 * a rejected message is gone.
 */
export const serviceBus: Service = {
  name: 'service-bus',
  missing: () => undefined,
  async start() {
    const port = await freePort();
    const broker = new Broker();
    let close = await listen(broker, port);
    return {
      url: `Endpoint=sb://localhost:${port};SharedAccessKeyName=any;SharedAccessKey=any;UseDevelopmentEmulator=true;`,
      description: 'a double of Azure Service Bus',
      durable: true,
      async restart() {
        await close();
        close = await listen(broker, port);
      },
      stop: () => close(),
    };
  },
};

async function listen(broker: Broker, port: number): Promise<() => Promise<void>> {
  const server = broker.container().listen({ port, host: '127.0.0.1' });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await once(server, 'listening');
  return async () => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
    await once(server, 'close');
  };
}
