import type { SocketFault } from './socket-reference.ts';

/** Which faults each case of the kit for sockets catches. */
export const SOCKET_FAULTS_BY_CASE: Readonly<Record<string, readonly SocketFault[]>> = {
  'makes one SERVER span of a handshake, which continues its headers and ends while the socket is open': [
    'ends the handshake with the socket',
  ],
  'connects the handshake of a traced client with its server': ['sends no headers'],
  'makes a CLIENT span of the handshake of a traced client, with its status': [
    'leaves out the status of the client',
  ],
  'starts a trace for a handshake without headers': ['makes up a caller'],
  'starts a trace for a handshake with a malformed traceparent, and opens the socket': [
    'refuses what it cannot read',
  ],
  'starts a trace for a handshake with two traceparents, and opens the socket': [
    'believes the first of several traceparents',
  ],
  'opens a socket whose handshake brings an oversized context': ['refuses what it cannot read'],
  'ends the span of a refused handshake with the status that was sent': ['calls a refusal a switch'],
  'reads no context from the URL unless asked to': ['always reads the URL'],
  'reads the trace from the URL, and never baggage, when asked to': [
    'never reads the URL',
    'reads baggage from the URL',
  ],
  'prefers the headers of a handshake to its URL': ['prefers the URL'],
  'starts a trace that links to the caller when it is asked to restart': ['trusts every caller'],
  'gives the baggage of a handshake to the events of its socket': ['loses baggage'],
  'runs the end of a socket in the context of its handshake': ['ends a socket outside its context'],
  'makes one connected trace of sender, message and listener': [
    'sends no context',
    'handles messages outside their context',
  ],
  'carries tracestate and baggage to the listener': ['loses baggage'],
  'carries an unsampled context to the listener and records nothing': ['does not inject when unsampled'],
  'carries the context of a listener to the peer that it answers': ['sends no context'],
  'continues the context of a message from a peer without tracing': ['never continues'],
  'keeps 20 messages apart that are handled at the same time': [
    'handles all messages in the context of the first',
  ],
  'keeps the span open until what the listener returns has settled': [
    'ends the span when the listener is called',
  ],
  'delivers a message with a malformed context, in a new trace': ['drops messages that it cannot read'],
  'delivers a message with two traceparents, in a new trace': ['believes the first of several traceparents'],
  'delivers a message whose context has a member traceparent twice, in a new trace': [
    'believes the last of two members',
  ],
  'delivers a message with an oversized context': ['drops messages that it cannot read'],
  'delivers 1 000 messages with mutated contexts as they were sent': ['changes messages with odd contexts'],
  'sends exactly what the application sent where nothing is to be carried': ['always adds a context'],
  'delivers exactly what was sent where nothing is to be carried': ['links to no handshake'],
  'writes one traceparent into a message, which names the span of the send': [
    'injects the context of the sender, not of the send',
  ],
  'starts a trace that links to the handshake for each message without a context': [
    'keeps the trace of the handshake',
    'links to no handshake',
  ],
  'starts a trace that links to the handshake for what the events of a socket send': [
    'keeps the trace of the handshake',
  ],
  'keeps messages without a context in the trace of the handshake, with relation parent': [
    'ignores the relation',
  ],
  'only links to what a message carries, with relation link': ['ignores the relation'],
  'trusts the messages of a socket as its handshake': ['trusts every message'],
  'takes nothing of the messages of a socket whose handshake it is asked to ignore': [
    'trusts every message',
    'trusts every caller',
  ],
  'opens a socket again in a trace of its own': ['reuses the trace of the first handshake'],
  'makes no span of an ignored message and still gives its context to the listener': [
    'forgets the context of what it ignores',
  ],
  'makes no span of any message, asked for none, and still carries their contexts': ['always makes spans'],
  'makes no span of an ignored connection and its messages, and still delivers them': [
    'records what it is to ignore',
  ],
  'sends no context to peers that must not have one': ['tells every peer'],
  'sends no baggage to the peers of a server unless asked to': ['tells every peer the baggage'],
  'sends baggage to the peers of a server when asked to': ['loses baggage'],
  'sends no baggage to a server that must not have it': ['tells every peer the baggage'],
  'uses the tracer provider and propagator that it is given instead of the global ones': [
    'uses the global providers only',
  ],
  'throws a TypeError when it is set up with wrong options': ['takes any option'],
  'opens sockets and delivers messages when hooks, ignore and attributes throw': [
    'throws when a callback throws',
  ],
  'opens sockets and delivers messages when the propagator throws': ['throws when the propagator throws'],
  'opens sockets and delivers messages when the sampler throws': ['throws when the tracer throws'],
  'opens sockets and delivers messages when a span processor throws': ['throws when the tracer throws'],
  'sends nothing of its own when no SDK is registered': ['makes up a trace without an SDK'],
  'delivers messages when no SDK is registered': ['needs an SDK to deliver'],
  "passes a message's W3C fields on to the messages that its listener sends when no SDK is registered": [
    'loses the trace without an SDK',
  ],
};
