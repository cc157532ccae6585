import { injectContext } from '@throughline/core';
import { defineGraphqlConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { graphqlReference, referenceLoader } from './graphql-reference-server.ts';

defineGraphqlConformance(
  { describe, it },
  {
    name: 'reference',
    sdk: sdk3,
    serve: graphqlReference(),
    createLoader: referenceLoader(),
    outgoingFields: () => injectContext({}),
  },
);
