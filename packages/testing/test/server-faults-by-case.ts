import type { ServerFault } from './reference-server.ts';

/** For each case of the server kit, a planted fault that it catches. */
export const SERVER_FAULTS_BY_CASE: Readonly<Record<string, readonly ServerFault[]>> = {
  'continues the remote trace': ['never extracts'],
  'starts a new trace without trace headers': ['ends the span twice'],
  'starts a new trace when traceparent is malformed, and keeps the request': ['rejects malformed requests'],
  'starts a new trace when two different traceparent headers arrive': ['rejects malformed requests'],
  'starts a new trace when a traceparent arrives twice, of this version or of a later one': [
    'believes the first of several traceparents',
  ],
  'continues a traceparent of a later version': ['never extracts'],
  'reads trace headers in any letter case': ['never extracts'],
  'keeps tracestate': ['never extracts'],
  "gives the handler the caller's baggage": ['drops baggage'],
  'reads baggage that comes without a traceparent': ['drops baggage'],
  'passes an unsampled context on to the handler and records nothing': ['drops unsampled contexts'],
  'makes the SERVER span the parent of spans started in the handler': ['does not activate the context'],
  'extracts from the root context when the server was created inside an active span': [
    'extracts from the active context',
  ],
  'keeps the context across awaits, timers and microtasks': ['does not activate the context'],
  'keeps the context after the framework has parsed the body': ['does not activate the context'],
  "keeps the context in req.on('data') and req.on('end') listeners": ['does not bind listeners'],
  'keeps the context in the callback of stream.pipeline': ['does not activate the context'],
  "keeps the context in res.on('finish') and res.on('close') listeners": ['never extracts'],
  'keeps the context while a streamed body is produced': ['does not activate the context'],
  'lets listeners be removed and once-listeners fire once': ['breaks removeListener'],
  'leaves no context active outside the request': ['leaks the context into the connection'],
  'keeps requests on one kept-alive connection apart': ['leaks the context into the connection'],
  'keeps a request without headers apart from the one before it on the same connection': [
    'leaks the context into the connection',
  ],
  'keeps 100 concurrent requests apart': ['does not activate the context'],
  'keeps pipelined requests apart, each with a span of its own': ['does not activate the context'],
  "hands the SERVER span's context to outgoing calls": ['does not activate the context'],
  'keeps the span open until a streamed body is written to the last byte': [
    'ends the span when the handler returns',
  ],
  'keeps the span of an event stream open until the server ends it': [
    'ends the span when the handler returns',
  ],
  'ends the span of an event stream when the client leaves': ['calls an abort a success'],
  'ends the span of a large body once, after the socket has drained': [
    'ends the span when the handler returns',
  ],
  'serves HEAD': ['ends the span at next()'],
  'serves 204, a response without a body': ['ends the span at next()'],
  'serves 304, a response without a body': ['ends the span at next()'],
  'serves a request that waits for 100 Continue': ['ends the span at next()'],
  'ends the span of each request on a kept-alive connection while the connection stays open': [
    'ends the span at next()',
  ],
  'serves a request that asks for an upgrade that is not handled': ['ends the span at next()'],
  'ends the span when the application removes the listeners of req and res': [
    'listens for close like everybody else',
  ],
  'ends the span once when the answer is sent before the request body is in': ['ends the span at next()'],
  'ends the span when the client leaves before the response, with no status code, while the handler runs on':
    [
      'invents a status code on abort',
      'ends the span on finish only',
      'never ends the span of a failed response',
    ],
  'ends the span when the client leaves in the middle of the response, with the status that was sent': [
    'calls an abort a success',
  ],
  'ends the span when the client leaves in the middle of its own request body': [
    'ends the span on finish only',
  ],
  'ends the span when the client leaves while the framework parses its body': [
    'invents a status code on abort',
  ],
  'says nothing of a client that leaves after the response': ['ends the span at next()'],
  'ends the span of a response that the handler destroyed, with no status code': [
    'invents a status code on abort',
  ],
  'names the error that a response was destroyed with': ['invents a status code on abort'],
  'names the error that a response was destroyed with in the middle, and keeps the status that was sent': [
    'calls an abort a success',
  ],
  'marks a response whose body stream failed in the middle, and keeps the status that was sent': [
    'calls an abort a success',
  ],
  'ends the span when the server times the connection out, and lets it time out': [
    'keeps the socket open on timeout',
  ],
  'ends every span when the server cuts its connections with requests in flight': [
    'invents a status code on abort',
  ],
  'leaves nothing on a connection, however many requests it serves or queues': [
    'adds a listener to the connection for each request',
  ],
  'reports no status for an answer that was given when the client had left': ['looks at the response alone'],
  'does not blame the client for an upstream that was reset': ['believes the code of an error'],
  'reports the status that the server itself answers a malformed body with, and no error': [
    'looks at the response alone',
  ],
  'ends the span with 101 when the connection changes its protocol, while the connection lives': [
    'looks at the response alone',
  ],
  'knows a request by its role when a tool has wrapped it': ['knows a request by its identity'],
  'ends the span when a tool puts back the emit of the response': ['has one witness'],
  'names the span by method and route template, never by path': ['puts the raw path into the span name'],
  'reports the whole template of a route in nested routers': ['forgets the mount prefix'],
  'reports the parameter, never its value, of a router mounted on a parameterised path': [
    'forgets the mount prefix',
  ],
  'reports the same template however the values of a mount path are spelt': [
    'puts names for values into the text of a mount path',
  ],
  'reports the template of a wildcard route': ['puts the raw path into the span name'],
  'reports the whole template when the handler in a nested router throws': ['forgets the mount prefix'],
  'reports no route for a request that no route matches': ['invents a route for 404'],
  'names HEAD and OPTIONS requests by their own method': ['puts the raw path into the span name'],
  'reports a method outside the known ones as _OTHER, keeps the original, and names the span HTTP': [
    'uses the raw method',
  ],
  'takes the known methods from OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS instead': ['uses the raw method'],
  'carries exactly what the conventions require and recommend': ['keeps the query in url.path'],
  'carries nothing beyond the conventions, for any outcome': ['records cookies'],
  'carries url.query without the question mark, and only when there is a query': [
    'keeps the question mark in url.query',
  ],
  'redacts the signature parameters of the conventions, keeps their keys and everything else': [
    'keeps the query in url.path',
  ],
  'redacts each of several parameters of one name, and leaves a malformed query as it came': [
    'throws on a malformed request-target',
  ],
  'redacts no parameter whose name only contains a secret one': ['redacts by substring'],
  'takes server.address from the host that the client asked for, with or without a port': [
    'takes the Host header whole',
  ],
  'takes no address or scheme from proxy headers unless asked to trust them': [
    'trusts proxy headers unasked',
  ],
  'reports the path of a request-target in absolute form': ['keeps the query in url.path'],
  'reports the asterisk of a server-wide OPTIONS request': ['reads the request-target as a URL'],
  'reads a request-target that starts with two slashes as a path': ['reads the request-target as a URL'],
  'passes everything known at the start to the sampler': ['sets attributes after the start'],
  'names its scope, the version and the schema of the conventions': ['names no schema'],
  'leaves the status unset for 1xx to 4xx': ['marks 4xx as an error'],
  'marks a 5xx as an error whose type is the status code, without a description': ['leaves 5xx unset'],
  'marks the response to a thrown error as an error': ['leaves 5xx unset'],
  'marks the response to a rejected promise as an error': ['leaves 5xx unset'],
  'records no secret that a thrown error quotes': ['records secrets of errors'],
  'records a thrown error once, as an exception event': [
    'records no exception',
    'records the exception twice',
  ],
  'passes a thrown error on to the framework by identity, once': ['wraps errors'],
  'leaves the status unset when a thrown error is answered with 4xx': ['marks a thrown 4xx as an error'],
  'marks the response to a thrown value that is no Error': ['leaves 5xx unset', 'swallows errors'],
  'answers a failing request with the same bytes as without the adapter': ['adds a response header'],
  'records the duration of each request in seconds, in the buckets of the conventions': [
    'metric without buckets',
  ],
  'records the same duration as the span': ['metric in milliseconds'],
  'splits the duration by the attributes of the conventions and no others': ['metric by path'],
  'counts unknown methods in one time series': ['uses the raw method'],
  'gives the duration the same error.type as the span': ['metric with another error.type'],
  'gives the duration of a thrown error the same error.type as the span': ['metric with another error.type'],
  'gives the duration of a request whose client left no status code, and says why': [
    'metric with another error.type',
  ],
  'records the duration of requests that are not sampled': ['records no metric'],
  'counts requests under way when asked to, and gives each back, however it ends': [
    'never gives back requests under way',
  ],
  'counts no requests under way unless asked to': ['counts requests under way unasked'],
  'serves on when the meter provider throws': ['throws when the meter provider throws'],
  'uses the tracer provider that it is given instead of the global one': ['captures the tracer at mount'],
  'uses the meter provider that it is given instead of the global one': ['records no metric'],
  'uses the propagator that it is given instead of the global one': ['never extracts'],
  'makes no span for an ignored request and still passes its context on': [
    'forgets the context of ignored requests',
  ],
  'records no duration for an ignored request': ['measures ignored requests'],
  'names the span as the spanName option says': [
    'puts the raw path into the span name',
    'uses the raw path as route',
  ],
  'adds the attributes that the attributes option returns': ['ignores the attributes option'],
  'calls requestHook and responseHook once each with the span, which both may still write to': [
    'writes to the span after its end',
  ],
  'shows responseHook no status code when none was sent': ['invents a status code on abort'],
  'captures the listed headers as lists of strings, and no others': ['records cookies'],
  "redacts the user's list of query parameters instead of the default one": ['records secrets of the query'],
  'takes client, host and scheme from X-Forwarded-* when asked to trust the proxy': [
    'distrusts proxy headers when told to trust them',
  ],
  'takes client, host and scheme from Forwarded when asked to trust the proxy': [
    'distrusts proxy headers when told to trust them',
  ],
  'throws a TypeError when it is mounted with wrong options': ['mounts with wrong options'],
  'answers hostile headers with the same bytes as without the adapter': ['rejects malformed requests'],
  'answers hostile request-targets with the same bytes as without the adapter': [
    'throws on a malformed request-target',
  ],
  'keeps good baggage entries beside bad ones, and names of the prototype apart': [
    'does not activate the context',
  ],
  'continues the trace with any tracestate and baggage beside it': ['never extracts'],
  'reads tracestate and baggage from several header lines': ['does not activate the context'],
  'survives bytes that are no HTTP, and serves the next request': ['swallows malformed requests'],
  'serves on when requestHook and responseHook throw': ['throws when a hook throws'],
  'serves on when spanName and attributes throw': ['throws when a hook throws'],
  'serves on when spanName and attributes return nonsense': ['believes what callbacks return'],
  'serves on when ignore throws': ['throws when a hook throws'],
  'serves on when hooks return promises that reject': ['throws when a hook throws'],
  'serves on when the propagator throws': ['throws when the propagator throws'],
  'serves on when the sampler throws': ['throws when the sampler throws'],
  'serves on when a span processor throws': ['throws when the sampler throws'],
  'serves on when the context manager throws before it runs anything': [
    'loses the request when the context manager fails',
  ],
  'runs the handler once when the context manager throws after it ran': [
    'runs the handler twice when the context manager fails',
  ],
  'makes one span and one measurement when it is mounted twice': ['mounts twice, spans twice'],
  'reuses the SERVER span that another tracer made for the request, and leaves its end to it': [
    'always makes a SERVER span',
  ],
  'gives the SERVER span of another tracer the route': ['always makes a SERVER span'],
  'completes a SERVER span of RPC metadata that shows its kind alone, of a request that begins a trace': [
    'always makes a SERVER span',
  ],
  'completes a SERVER span of RPC metadata that shows its kind alone, of a request that continues a trace': [
    'always makes a SERVER span',
  ],
  'stays below an outer span that shows nothing of itself, of a request that begins a trace': [
    'always makes a SERVER span',
  ],
  'stays below an outer span that shows nothing of itself, of a request that continues a trace': [
    'always makes a SERVER span',
  ],
  'takes an outer span that shows nothing of itself for none of a later request': [
    'believes every outer span',
  ],
  "keeps listeners of req in the other tracer's span when that one is reused": ['does not bind listeners'],
  'does not take an outer span that is not of this request for its own': ['extracts from the active context'],
  'traces requests from the moment the SDK is registered, even when it was mounted before': [
    'captures the tracer at mount',
  ],
  'throws nothing and changes no response when no SDK is registered': ['rejects malformed requests'],
  'passes traceparent, tracestate and baggage on to outgoing calls byte for byte': [
    'rejects malformed requests',
  ],
  'passes nothing on when nothing came in': ['invents a traceparent without an SDK'],
  'passes no malformed traceparent on': ['invents a traceparent without an SDK'],
  'passes none of several traceparents on when no SDK is registered': [
    'believes the first of several traceparents',
  ],
  'keeps 50 concurrent requests apart when no SDK is registered': ['rejects malformed requests'],
};
