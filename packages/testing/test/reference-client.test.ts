import { defineHttpClientConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { connectReference } from './reference-client.ts';

defineHttpClientConformance(
  { describe, it },
  {
    name: 'reference client',
    sdk: sdk3,
    connect: connectReference(),
  },
);
