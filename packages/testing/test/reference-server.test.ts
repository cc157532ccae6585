import { defineHttpServerConformance, type HttpServerConformanceOptions } from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { referenceFetch, serveReference } from './reference-server.ts';

const options: HttpServerConformanceOptions = {
  name: 'reference adapter',
  sdk: sdk3,
  serve: serveReference(),
  fetch: referenceFetch,
};

defineHttpServerConformance({ describe, it }, options);
