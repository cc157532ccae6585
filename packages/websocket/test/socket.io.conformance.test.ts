import { defineSocketConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { SOCKET_IO } from './socket.io-under-test.ts';

for (const options of Object.values(SOCKET_IO))
  defineSocketConformance({ describe, it }, { ...options, sdk: sdk3 });
