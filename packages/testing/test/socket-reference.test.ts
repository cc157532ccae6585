import { defineSocketConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { socketReference } from './socket-reference.ts';

defineSocketConformance({ describe, it }, { name: 'reference', sdk: sdk3, ...socketReference() });
