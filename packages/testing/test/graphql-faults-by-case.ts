import type { GraphqlFault } from './graphql-reference-server.ts';

/** For each case of the GraphQL kit, a planted fault that it catches. */
export const GRAPHQL_FAULTS_BY_CASE: Readonly<Record<string, readonly GraphqlFault[]>> = {
  'makes one SERVER span of an operation, a child of its request in the trace of the caller, by the conventions':
    ['names spans by the operation'],
  'names the span of a mutation by its type, and an anonymous operation not at all': [
    'names anonymous operations',
  ],
  'describes the operation of a document that the client chose': ['takes the first operation of a document'],
  'records neither the document nor variables': ['records the document'],
  'gives each operation of a batch a span of its own': ['makes one span of a batch'],
  'passes everything known at the start to the sampler': ['sets attributes after the start'],
  'names its scope, the version and the schema of the conventions': ['names no schema'],
  'names the route of its requests': ['names no route'],
  'keeps the context of the operation active in resolvers, through promises and timers, with baggage': [
    'executes outside of its context',
  ],
  'keeps 20 operations apart that are executed at the same time': [
    'executes everything in the context of the first',
  ],
  'gives the resolvers of each operation of a batch the context of their own': [
    'executes everything in the context of the first',
  ],
  'carries an unsampled context to resolvers and records nothing': ['drops an unsampled context'],
  'runs the batch of a loader inside the operation, with a link to every caller': ['links no caller'],
  'shows the error of a resolver on the operation and on the request, though the answer is a 200': [
    'shows no error in a 200',
  ],
  'counts the errors of a batch on its request, and fails the operations that have them': [
    'shows no error in a 200',
  ],
  'records no secret that the error of a resolver quotes': ['records secrets of errors'],
  'makes a span of a document that cannot be parsed, and quotes nothing of it': [
    'records nothing of what it refuses',
  ],
  'makes a span of a document that is not valid, and quotes nothing of it': ['quotes what it refuses'],
  'makes a span of an operation that the document does not have, without a name from the client': [
    'records the name that the client asked for',
  ],
  'makes one span of a subscription, which ends with it, and keeps its context in the source and in resolvers':
    ['executes outside of its context', 'leaves the span of a subscription open'],
  'ends the span of a subscription when the client leaves': ['leaves the span of a subscription open'],
  'shows the error of an event on the span of the subscription': [
    'takes every event for good',
    'ends a subscription when it has started',
  ],
  'makes no span of an ignored operation, whose resolvers keep the context of the request': [
    'records what it is to ignore',
  ],
  'uses the tracer provider that it is given': ['uses the global provider only'],
  'names the span as the spanName option says, and adds what the attributes option returns': [
    'names no span as asked',
  ],
  'calls requestHook and responseHook once each with the span, which both may still write to': [
    'calls hooks twice',
  ],
  'records the document and the listed variables when asked, without secrets': ['captures secrets'],
  'gives resolvers spans of their own, by type and field, up to the limit': ['has no limit for resolvers'],
  'marks the span of a resolver that throws': ['takes every resolver for good'],
  'throws a TypeError when it is set up with wrong options': ['takes any option'],
  'answers as ever when ignore, spanName and attributes throw': ['throws when a callback throws'],
  'answers as ever when requestHook and responseHook throw': ['throws when a callback throws'],
  'answers as ever when hooks return promises that reject': ['throws when a callback throws'],
  'answers as ever when the propagator throws': ['throws when the propagator throws'],
  'answers as ever when the sampler throws': ['throws when the tracer throws'],
  'answers as ever when a span processor throws': ['throws when the tracer throws'],
  'answers hostile documents as without tracing, under few different names and with no long attribute': [
    'answers bad documents with another status',
    'names spans by the operation',
  ],
  'passes the W3C fields of a request on to the calls of its resolvers when no SDK is registered': [
    'loses the trace without an SDK',
  ],
  'answers when no SDK is registered, errors and subscriptions included': ['needs an SDK to answer'],
};
