import { defineHttpServerConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from './sdk3.ts';
import { serverAdapter } from './server-adapters.ts';

defineHttpServerConformance({ describe, it }, serverAdapter('fetch handler on Node', sdk3));
