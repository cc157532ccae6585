import { injectContext } from '@throughline/core';
import { graphqlConformanceCases } from '@throughline/testing';
import { sdk3 } from '../../../test/conformance/sdk3.ts';
import { GRAPHQL_FAULTS_BY_CASE } from './graphql-faults-by-case.ts';
import { GRAPHQL_FAULTS, graphqlReference, referenceLoader } from './graphql-reference-server.ts';
import { IMPATIENT, plantFaults } from './plant-faults.ts';

plantFaults({
  title: 'the GraphQL kit, against servers',
  subject: 'a server that',
  faults: GRAPHQL_FAULTS,
  byCase: GRAPHQL_FAULTS_BY_CASE,
  cases: (fault) =>
    graphqlConformanceCases({
      name: fault ?? 'no fault',
      sdk: sdk3,
      serve: graphqlReference(fault),
      createLoader: referenceLoader(fault),
      outgoingFields: () => injectContext({}),
      deadline: IMPATIENT,
    }),
});
