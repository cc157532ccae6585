import { kafka } from './services/kafka.ts';
import { mosquitto } from './services/mosquitto.ts';
import { moto } from './services/moto.ts';
import { nats } from './services/nats.ts';
import { pubsub } from './services/pubsub.ts';
import { rabbitmq } from './services/rabbitmq.ts';
import { redis } from './services/redis.ts';
import type { Service } from './services/service.ts';
import { serviceBus } from './services/service-bus.ts';

/** All that the integration tests talk to. */
export const SERVICES: readonly Service[] = [
  redis,
  rabbitmq,
  nats,
  mosquitto,
  kafka,
  moto,
  pubsub,
  serviceBus,
];
