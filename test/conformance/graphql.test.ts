import { defineGraphqlConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { graphqlServer } from './graphql/graphql-servers.ts';
import { sdk3 } from './sdk3.ts';

// Apollo Server 4 is under test in test/compat, where it is installed.
for (const name of ['graphql-yoga', 'Apollo Server 5', 'mercurius'])
  defineGraphqlConformance({ describe, it }, graphqlServer(name, sdk3));
