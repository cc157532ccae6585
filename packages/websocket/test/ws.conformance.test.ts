import { defineSocketConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { WEBSOCKETS } from './ws-under-test.ts';

for (const options of Object.values(WEBSOCKETS))
  defineSocketConformance({ describe, it }, { ...options, sdk: sdk3 });
