import { defineMessagingConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { connectMessagingReference, REFERENCE_NAMES } from './messaging-reference-client.ts';

defineMessagingConformance(
  { describe, it },
  {
    name: 'reference client',
    sdk: sdk3,
    system: 'reference',
    names: REFERENCE_NAMES,
    connect: connectMessagingReference(),
  },
);
