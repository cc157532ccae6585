import type { RpcFault } from './rpc-reference.ts';

/** For each case of the RPC kit, a planted fault that it catches. */
export const RPC_FAULTS_BY_CASE: Readonly<Record<string, readonly RpcFault[]>> = {
  'makes one connected trace of caller, client, server and handler (unary)': ['sends no context'],
  'makes one connected trace of caller, client, server and handler (clientStream)': [
    'serves calls outside their context',
  ],
  'makes one connected trace of caller, client, server and handler (serverStream)': [
    'sends the context of the caller, not of the call',
  ],
  'makes one connected trace of caller, client, server and handler (bidi)': [
    'serves calls outside their context',
  ],
  'sends exactly one traceparent, which names the CLIENT span': [
    'sends the context of the caller, not of the call',
  ],
  'starts a trace when no span is active': ['sends no context'],
  'carries tracestate and baggage to the handler': ['drops tracestate'],
  'carries baggage from the caller to the handler': ['drops baggage'],
  'carries an unsampled context to the handler and records nothing': ['sends nothing when unsampled'],
  'keeps 20 calls apart that are served at the same time': ['serves all calls in the context of the first'],
  'does not change the metadata that it is given': ['changes the metadata that it is given'],
  "sends the application's own metadata beside the context": ["drops the application's metadata"],
  'replaces a traceparent that the application left in the metadata': ['appends a second traceparent'],
  'makes one CLIENT span of a call that the library repeats, and sends one of each field each time': [
    'makes a span for each attempt',
  ],
  "makes the CLIENT span of a handler's own call a child of its SERVER span": [
    'serves calls outside their context',
  ],
  'serves a call without metadata in a new trace': ['invents a caller'],
  'serves a call with a malformed traceparent in a new trace': ['believes a malformed traceparent'],
  'serves a call with two traceparents in a new trace': ['believes the first of several traceparents'],
  'serves a call with two traceparents joined by a comma in a new trace': [
    'believes the first of several traceparents',
  ],
  'serves a call with oversized metadata': ['refuses large metadata'],
  'starts a trace that links to the caller and drops its baggage, asked to restart': ['trusts every caller'],
  'takes nothing of the caller, asked to ignore it': ['trusts every caller'],
  'continues the trace of the caller without its baggage, as a function decides': ['trusts every caller'],
  'keeps the context of a call active in its handler, after awaits, and while it reads and writes (unary)': [
    'loses the context after the first step',
  ],
  'keeps the context of a call active in its handler, after awaits, and while it reads and writes (clientStream)':
    ['loses the context after the first step'],
  'keeps the context of a call active in its handler, after awaits, and while it reads and writes (serverStream)':
    ['loses the context after the first step'],
  'keeps the context of a call active in its handler, after awaits, and while it reads and writes (bidi)': [
    'loses the context after the first step',
  ],
  "keeps the context of a call active in the listeners of the server's stream": [
    'calls listeners outside their context',
  ],
  'keeps the context of a call active in the listeners of its cancellation': [
    'calls listeners outside their context',
  ],
  "calls the client's callbacks and listeners in the context in which the call was made": [
    "calls the client back outside the caller's context",
  ],
  'makes a CLIENT and a SERVER span of a call of each kind, named and described by the conventions': [
    'names the service apart',
    'names spans by the service',
  ],
  'names the address of the other side on both spans': ['names no peer'],
  'records the call of a method that is not listed as one of method _OTHER': ['records every method'],
  'passes everything known at the start to the sampler': ['sets attributes after the start'],
  'names its scope, the version and the schema of the conventions': ['names no schema'],
  'marks both spans of a call that the server failed to serve': ['marks no span'],
  'marks the CLIENT span alone of a call that the server refused': ['marks every status on both sides'],
  'records the status that the library sends for an error that is none of its own (unary)': ['marks no span'],
  'records the status that the library sends for an error that is none of its own (serverStream)': [
    'marks no span',
  ],
  'names what is recorded of an error by its type, and not by the number of a status': [
    'records exceptions by number',
  ],
  'ends both spans when the caller cancels (unary)': ['marks every status on both sides'],
  'ends both spans when the caller cancels (serverStream)': ['never ends what is given up'],
  "ends both spans at the caller's deadline, though the handler never answers": [
    'never ends what is given up',
  ],
  'records the deadline that the server keeps by itself': [
    "records the handler's status instead of the one that was sent",
  ],
  'records that a message was too large, as the library answers it': [
    "records the handler's status instead of the one that was sent",
  ],
  'ends both spans when the connection breaks': ['never ends what is given up'],
  'keeps both spans open for as long as the streams of a call (clientStream)': [
    'ends streams at their first message',
  ],
  'keeps both spans open for as long as the streams of a call (serverStream)': [
    'ends streams at their first message',
  ],
  'keeps both spans open for as long as the streams of a call (bidi)': [
    'ends streams at their first message',
  ],
  'measures a call on both sides, by the conventions': ['measures microseconds'],
  'measures a call that failed with its status as error.type, where that is an error of the side': [
    'measures no error',
  ],
  'makes no span of an ignored outgoing call and still sends the context along': ['ignores no call'],
  'makes no span of an ignored incoming call and still gives its handler the context': ['ignores no call'],
  'uses the tracer provider and propagator that it is given instead of the global ones': [
    'uses the global parts',
  ],
  'sends nothing to servers that are not listed': ['sends to everyone'],
  'sends the trace to a server that is listed by its address': ['sends to no one who is listed'],
  'sends no baggage where it must not go': ['sends baggage to everyone'],
  'sends the baggage entries that may leave, and no other': ['sends every baggage entry'],
  'adds what the attributes option returns': ['adds no attributes'],
  'calls each hook once, with the span, the call and its outcome': ['calls no hooks'],
  'throws a TypeError when it is made with wrong options': ['checks no options'],
  'answers every call when ignore, attributes and trust throw': ['lets options throw'],
  'answers every call when requestHook and responseHook throw': ['lets hooks throw'],
  'answers every call when hooks return promises that reject': ['lets hooks throw'],
  'answers every call when the propagator throws': ['lets the SDK throw'],
  'answers every call when the sampler throws': ['lets the SDK throw'],
  'answers every call when a span processor throws': ['lets the SDK throw'],
  'answers every call when the meter provider throws': ['lets the SDK throw'],
  'answers every call and sends nothing of its own when no SDK is registered': [
    'makes up a traceparent without an SDK',
  ],
  "passes a caller's W3C fields on to the calls of the handler when no SDK is registered": [
    'passes nothing on without an SDK',
  ],
};
