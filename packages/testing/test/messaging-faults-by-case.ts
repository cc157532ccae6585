import type { MessagingFault } from './messaging-reference-client.ts';

/** For each case of the messaging kit, a planted fault that it catches. */
export const MESSAGING_FAULTS_BY_CASE: Readonly<Record<string, readonly MessagingFault[]>> = {
  'makes one connected trace of sender, message and handler': [
    'sends no context',
    'handles messages outside their context',
  ],
  'writes exactly one traceparent, which names the span of the send': [
    'injects the context of the sender, not of the send',
    'appends a second traceparent',
  ],
  'starts a trace when no span is active': ['sends no context'],
  'carries tracestate and baggage to the handler': ['drops baggage'],
  'keeps the baggage of a message that is sent, whose entries win over those of the context': [
    'replaces the baggage of the message',
  ],
  'carries an unsampled context to the handler and records nothing': ['does not inject when unsampled'],
  'keeps the context of a handler active through promises and timers': [
    'handles messages outside their context',
  ],
  'keeps 20 messages apart that are handled at the same time': [
    'handles all messages in the context of the first',
  ],
  'keeps a creation context that the message holds already, and links the send to it': [
    'overwrites a creation context',
  ],
  'continues the trace of the message and links to it, by default': ['never links'],
  'continues the trace of the message without a link, with relation parent': ['never continues'],
  'continues the trace of the message and links to it, with relation both': ['never links'],
  'starts a trace that links to the message and drops its baggage, with relation link': [
    'always continues',
    'keeps the baggage of what it only links',
  ],
  'starts a trace that links to the message and keeps its baggage, with relation link and trust': [
    'always continues',
  ],
  'starts a trace that links to the message and drops its baggage, asked to restart': [
    'trusts every message',
  ],
  'takes nothing of the message, asked to ignore it': ['trusts every message'],
  'continues the trace of the message without its baggage, as a function decides': ['trusts every message'],
  'sends no baggage where it must not go': ['tells everyone the baggage'],
  'sends no baggage to destinations that are not listed': ['tells everyone the baggage'],
  'sends the baggage entries that may leave, and no other': ['sends every baggage entry'],
  'names spans and splits measurements by a bounded number of destinations': ['names everything'],
  'starts a trace that links to the message when it is older than maxAge': ['ignores the age of a message'],
  'continues the trace of the message when it is younger than maxAge': ['never continues'],
  'puts no message into the trace of the subscriber': ["handles messages in the subscriber's trace"],
  'handles a message without metadata in a new trace': ['handles messages outside their context'],
  'handles a message with a malformed traceparent in a new trace': ['believes a malformed traceparent'],
  'handles a message with a format of others in a new trace': [
    'handles all messages in the context of the first',
  ],
  'handles a message with oversized metadata once': ['drops messages with large metadata'],
  'handles a message with two traceparents once': ['handles a message once per traceparent'],
  'handles a message with two traceparents in a new trace': ['believes the first of several traceparents'],
  'handles a message with two traceparents in different letter case in a new trace': [
    'believes the first of several traceparents',
  ],
  'handles a message with two traceparents joined by a comma in a new trace': [
    'believes the first of several traceparents',
  ],
  'calls what replaces its send method once, and sends as before when that is taken away': [
    'ignores what replaces a method',
  ],
  'hands a traced client back in every way in which the original hands one back': [
    'hands the bare client back',
  ],
  'reads metadata in any letter case': ['reads names in lower case only'],
  'replaces fields that are no context and that the sender left in the metadata': [
    'changes the metadata that it is given',
  ],
  'replaces them in any letter case': ['changes the metadata that it is given'],
  "sends the application's own metadata and body as they are, beside the context": [
    "drops the application's metadata",
  ],
  'does not change the objects that it is given': ['changes the metadata that it is given'],
  'calls the handler once and hands on what it returns': ['calls the handler twice'],
  'keeps the span open until what the handler returns has settled': [
    'ends the span when the handler is called',
  ],
  'hands on the very error of a handler that throws, and marks its span': [
    'wraps errors',
    'calls failures a success',
  ],
  'hands on the very error of a handler that rejects, and marks its span': ['wraps errors'],
  'records no secret that the error of a handler quotes': ['records secrets of errors'],
  'names the same message, place and broker on the span of its settlement as on that of its handler': [
    'names the broker on process spans only',
  ],
  'names the same place and broker on the span of a batch as on those of its messages, when received': [
    'names the broker on process spans only',
  ],
  'names the same place and broker on the span of a batch as on those of its messages, when sent': [
    'names the broker on send spans only',
  ],
  'names the same broker on the span of a message that is sent as on that of its handler': [
    'names the broker on process spans only',
  ],
  'makes a PRODUCER span of a send, named and described by the conventions': ['names spans by the message'],
  'makes a CONSUMER span of a handler, named and described by the conventions': [
    'names spans by the message',
  ],
  'makes a CLIENT span of a settlement, inside the handler that asks for it': [
    'settles in a trace of its own',
  ],
  'marks a send that fails, and throws what the client threw': ['wraps errors'],
  'passes everything known at the start to the sampler': ['sets attributes after the start'],
  'names its scope, the version and the schema of the conventions': ['names no schema'],
  'ends the span of a handler that is not asynchronous when it returns': [
    'leaves the span of a synchronous handler open',
  ],
  'gives every message of a batch a context of its own, to which the send links': [
    'gives all messages of a batch one context',
  ],
  'keeps the creation context that a message of a batch holds already': ['overwrites a creation context'],
  'makes one receive span of a batch, with links to all its messages, around their handlers': [
    'links a batch to its first message only',
    'makes no span for the messages of a batch',
  ],
  "continues each message's trace inside a batch, with relation both, and links to the batch": [
    'never continues',
  ],
  'marks the message that failed in a batch, and no other': ['ends the span when the handler is called'],
  'counts the messages sent and measures the sends, by the conventions': [
    'measures milliseconds',
    'records no metric',
  ],
  'counts each message of a batch sent': ['counts batches instead of messages'],
  'counts the messages consumed and measures their handlers, by the conventions': ['measures milliseconds'],
  'counts each message of a batch consumed once': ['counts messages of a batch twice'],
  'gives the measurement of a failed handler the same error.type as its span': [
    'ends the span when the handler is called',
  ],
  'makes no span of an ignored send and still sends the context along': [
    'forgets the context of what it ignores',
    'records what it is to ignore',
  ],
  'makes no span of an ignored handler and still gives it the context of its message': [
    'forgets the context of what it ignores',
  ],
  'uses the tracer provider and propagator that it is given instead of the global ones': [
    'uses the global providers only',
  ],
  'names spans by the template of the destination': ['uses no template'],
  'adds what the attributes option returns': ['adds no attributes'],
  'throws a TypeError when it is wrapped with wrong options': ['takes any option'],
  'sends and handles messages when ignore, destinationTemplate and attributes throw': [
    'throws when a callback throws',
  ],
  'sends and handles messages when the propagator throws': ['throws when the propagator throws'],
  'sends and handles messages when the sampler throws': ['throws when the tracer throws'],
  'sends and handles messages when a span processor throws': ['throws when the tracer throws'],
  'sends and handles messages when the meter provider throws': ['throws when the meter throws'],
  'sends nothing of its own when no SDK is registered': ['makes up a trace without an SDK'],
  'handles messages when no SDK is registered': ['needs an SDK to call the handler'],
  "passes a message's W3C fields on to the messages that its handler sends when no SDK is registered": [
    'loses the trace without an SDK',
  ],
  'leaves a traceparent that the sender set alone when no SDK is registered': [
    'removes fields without an SDK',
  ],
};
