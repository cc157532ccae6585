import { defineGraphqlConformance } from '@throughline/testing';
import { describe, it } from 'vitest';
import { GRAPHQL_SERVERS, graphqlServer } from './graphql/graphql-servers.ts';
import { sdk3 } from './sdk3.ts';

for (const name of GRAPHQL_SERVERS) defineGraphqlConformance({ describe, it }, graphqlServer(name, sdk3));
