import { defineHttpClientConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { CLIENTS } from './adapters/clients.ts';
import { sdk3 } from './sdk3.ts';

for (const client of Object.values(CLIENTS)) {
  defineHttpClientConformance({ describe, it }, { ...client, sdk: sdk3 });
}
