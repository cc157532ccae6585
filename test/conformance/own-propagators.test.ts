import { createPropagator } from '@throughline/propagators';
import { defineHttpClientConformance, defineHttpServerConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { CLIENTS } from './adapters/clients.ts';
import { sdk3 } from './sdk3.ts';
import { serverAdapter } from './server-adapters.ts';

const sdk = {
  ...sdk3,
  name: 'SDK 3 with the propagators of Throughline',
  createPropagator: () => createPropagator('tracecontext,baggage'),
};

defineHttpServerConformance({ describe, it }, serverAdapter('node:http', sdk));
defineHttpClientConformance({ describe, it }, { ...CLIENTS.tracedFetch, sdk });
