import { createRequire } from 'node:module';
import {
  type GrpcObject,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceClientConstructor,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { freePort } from './port.ts';
import type { Service } from './service.ts';

interface Message {
  readonly messageId: string;
  readonly publishTime: { readonly seconds: number; readonly nanos: number };
  readonly data: Buffer;
  readonly attributes: Record<string, string>;
  readonly orderingKey: string;
}

interface Delivery {
  readonly message: Message;
  readonly attempt: number;
}

interface Resource {
  readonly name: string;
}

type Call<Request> = { readonly request: Request };
type PullStream = ServerDuplexStream<{ subscription: string; streamAckDeadlineSeconds: number }, unknown>;

/** A subscription's messages: waiting for a consumer, or leased to one until it acknowledges them. */
class Subscription {
  readonly topic: string;
  readonly #waiting: Delivery[] = [];
  readonly #leased = new Map<string, { delivery: Delivery; expiry: NodeJS.Timeout }>();
  readonly #streams = new Set<PullStream>();
  #ackDeadlineSeconds = 10;
  #nextAckId = 1;

  constructor(topic: string) {
    this.topic = topic;
  }

  add(message: Message): void {
    this.#waiting.push({ message, attempt: 1 });
    this.#deliver();
  }

  open(stream: PullStream, ackDeadlineSeconds: number): void {
    this.#ackDeadlineSeconds = ackDeadlineSeconds || this.#ackDeadlineSeconds;
    this.#streams.add(stream);
    const close = () => this.#streams.delete(stream);
    stream.on('end', () => {
      close();
      stream.end();
    });
    stream.on('cancelled', close);
    stream.on('error', close);
    this.#deliver();
  }

  acknowledge(ackId: string): void {
    clearTimeout(this.#leased.get(ackId)?.expiry);
    this.#leased.delete(ackId);
  }

  /** Zero seconds are a nack: the message is delivered again at once. */
  modifyAckDeadline(ackId: string, seconds: number): void {
    const lease = this.#leased.get(ackId);
    if (lease) {
      clearTimeout(lease.expiry);
      if (seconds === 0) {
        this.#expire(ackId, lease.delivery);
      } else {
        lease.expiry = this.#expireAfter(seconds, ackId, lease.delivery);
      }
    }
  }

  #deliver(): void {
    const [stream] = this.#streams;
    while (stream && this.#waiting.length > 0) {
      const delivery = this.#waiting.shift() as Delivery;
      const ackId = `ack-${this.#nextAckId++}`;
      const expiry = this.#expireAfter(this.#ackDeadlineSeconds, ackId, delivery);
      this.#leased.set(ackId, { delivery, expiry });
      stream.write({
        receivedMessages: [{ ackId, message: delivery.message, deliveryAttempt: delivery.attempt }],
      });
    }
  }

  #expireAfter(seconds: number, ackId: string, delivery: Delivery): NodeJS.Timeout {
    return setTimeout(() => this.#expire(ackId, delivery), seconds * 1000).unref();
  }

  #expire(ackId: string, { message, attempt }: Delivery): void {
    this.#leased.delete(ackId);
    this.#waiting.push({ message, attempt: attempt + 1 });
    this.#deliver();
  }
}

/** Topics and subscriptions, behind the calls of `google.pubsub.v1` that the client library makes for them. */
class Broker {
  readonly #topics = new Map<string, Resource>();
  readonly #subscriptions = new Map<string, Subscription>();
  #nextMessageId = 1;

  readonly publisher: UntypedServiceImplementation = {
    CreateTopic: unary((topic: Resource) => {
      this.#topics.set(topic.name, topic);
      return topic;
    }),
    GetTopic: unary(({ topic }: { topic: string }) => found(this.#topics.get(topic), topic)),
    DeleteTopic: unary(({ topic }: { topic: string }) => {
      this.#topics.delete(topic);
      return {};
    }),
    Publish: unary(({ topic, messages }: { topic: string; messages: Message[] }) => {
      found(this.#topics.get(topic), topic);
      return { messageIds: messages.map((message) => this.#publish(topic, message)) };
    }),
  };

  readonly subscriber: UntypedServiceImplementation = {
    CreateSubscription: unary((subscription: Resource & { topic: string }) => {
      found(this.#topics.get(subscription.topic), subscription.topic);
      this.#subscriptions.set(subscription.name, new Subscription(subscription.topic));
      return subscription;
    }),
    GetSubscription: unary(({ subscription: name }: { subscription: string }) => ({
      name,
      topic: this.#subscription(name).topic,
    })),
    DeleteSubscription: unary(({ subscription }: { subscription: string }) => {
      this.#subscriptions.delete(subscription);
      return {};
    }),
    Acknowledge: unary(({ subscription, ackIds }: { subscription: string; ackIds: string[] }) => {
      for (const ackId of ackIds) {
        this.#subscription(subscription).acknowledge(ackId);
      }
      return {};
    }),
    ModifyAckDeadline: unary(
      (request: { subscription: string; ackIds: string[]; ackDeadlineSeconds: number }) => {
        for (const ackId of request.ackIds) {
          this.#subscription(request.subscription).modifyAckDeadline(ackId, request.ackDeadlineSeconds);
        }
        return {};
      },
    ),
    StreamingPull: (stream: PullStream) => {
      // Only the first request names the subscription; what follows are signs of life.
      stream.once('data', ({ subscription, streamAckDeadlineSeconds }) => {
        try {
          this.#subscription(subscription).open(stream, streamAckDeadlineSeconds);
        } catch (error) {
          stream.emit('error', error);
        }
      });
    },
  };

  #subscription(name: string): Subscription {
    return found(this.#subscriptions.get(name), name);
  }

  #publish(topic: string, message: Message): string {
    const messageId = `${this.#nextMessageId++}`;
    const now = Date.now();
    const publishTime = { seconds: Math.floor(now / 1000), nanos: (now % 1000) * 1e6 };
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.topic === topic) {
        subscription.add({ ...message, messageId, publishTime });
      }
    }
    return messageId;
  }
}

/**
 * A double of Google Cloud Pub/Sub: a gRPC server made from the definitions inside the client library. It leases and
 * delivers again like the service. There is no ordering, no filter, no dead letter topic, no push and no exactly-once.
 */
export const pubsub: Service = {
  name: 'pubsub',
  missing: () => undefined,
  async start() {
    const port = await freePort();
    const broker = new Broker();
    let server = await listen(broker, port);
    return {
      url: `http://127.0.0.1:${port}`,
      description: 'a double of Google Cloud Pub/Sub',
      durable: true,
      async restart() {
        server.forceShutdown();
        server = await listen(broker, port);
      },
      async stop() {
        server.forceShutdown();
      },
    };
  },
};

async function listen(broker: Broker, port: number): Promise<Server> {
  const server = new Server();
  const { Publisher, Subscriber } = definitions();
  server.addService(Publisher.service, broker.publisher);
  server.addService(Subscriber.service, broker.subscriber);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  return server;
}

/** The services as the client library itself defines them. */
function definitions(): { Publisher: ServiceClientConstructor; Subscriber: ServiceClientConstructor } {
  const json = createRequire(import.meta.url)('@google-cloud/pubsub/build/protos/protos.json');
  const options = { longs: String, enums: String, defaults: true, oneofs: true };
  const { google } = loadPackageDefinition(fromJSON(json, options));
  return ((google as GrpcObject).pubsub as GrpcObject).v1 as never;
}

function unary<Request>(respond: (request: Request) => object) {
  return ({ request }: Call<Request>, callback: sendUnaryData<object>) => {
    try {
      callback(null, respond(request));
    } catch (error) {
      callback(error as Error);
    }
  };
}

function found<T>(resource: T | undefined, name: string): T {
  if (resource === undefined) {
    throw Object.assign(new Error(`Resource not found: ${name}`), { code: status.NOT_FOUND });
  }
  return resource;
}
