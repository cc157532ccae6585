import type { ClientFault } from './reference-client.ts';

/** For each case of the client kit, a planted fault that it catches. */
export const CLIENT_FAULTS_BY_CASE: Readonly<Record<string, readonly ClientFault[]>> = {
  'sends exactly one traceparent, which names the span of the call': [
    'injects the context of the caller, not of the call',
  ],
  'makes the active span the parent of the call': ['reads the body itself'],
  'starts a trace when no span is active': ['injects the context of the caller, not of the call'],
  'sends tracestate and baggage along': ['reads the body itself'],
  'sends baggage when no span is active': ['reads the body itself', 'drops baggage'],
  'sends an unsampled context along and records nothing': ['does not inject when unsampled'],
  'replaces a traceparent that the caller set, in any letter case': ['appends a second traceparent'],
  'removes a stale tracestate that the caller set': ['appends a second traceparent'],
  'keeps the baggage that the caller set, in any letter case, where the context has none': [
    'replaces the baggage of the caller',
  ],
  'adds the baggage of the context to what the caller set, whose entries win': [
    'replaces the baggage of the caller',
    'drops baggage',
  ],
  'adds no header to a request that was signed, and still makes its span': ['injects into signed requests'],
  'adds no header to a request to a presigned URL': ['injects into signed requests'],
  'keeps 50 concurrent calls apart': ['makes one span per client'],
  "leaves the caller's context active during and after the call": ['reads the body itself'],
  'makes one CLIENT span per call, named by the method and never by the path': ['names the span by the path'],
  'carries what the conventions require and nothing beyond what they recommend': ['reads the body itself'],
  'leaves the status unset for 1xx to 3xx': ['ends the span with the body'],
  'marks 4xx and 5xx as errors whose type is the status code, without a description': ['calls 4xx a success'],
  'reports a method outside the known ones as _OTHER, keeps the original, and names the span HTTP': [
    'uses the raw method',
  ],
  'redacts the signature parameters of url.full, keeps their keys and sends them as they are': [
    'records credentials and signatures',
  ],
  'records no credentials of a URL': ['records what fetch refuses'],
  'ends the span when the response head is in, before the body is read': ['ends the span with the body'],
  'ends the span with the body when asked to': ['reads the body itself'],
  'marks a body that breaks off when the span ends with the body': ['never ends the span of a failed call'],
  'passes everything known at the start to the sampler': ['sets attributes after the start'],
  'names its scope, the version and the schema of the conventions': ['reads the body itself'],
  'marks a call that could not connect, with a type of few values and no status code': [
    'never ends the span of a failed call',
  ],
  'marks a call whose connection was reset': ['never ends the span of a failed call'],
  'rejects as the client underneath does': ['wraps errors'],
  'says nothing of an error when the caller gives the call up before the response': [
    'marks an abort by the caller as an error',
  ],
  'sends nothing and says nothing of an error when the caller has given up beforehand': [
    'marks an abort by the caller as an error',
  ],
  'rejects with the reason that the caller gave, by identity': ['wraps errors'],
  'marks a call that ran into the time limit of its signal': ['wraps errors'],
  'rejects what fetch rejects, with the same error, and records no span of a call never made': [
    'records what fetch refuses',
  ],
  "sends the caller's method, headers and body as they are": ['reads the body itself'],
  "does not change the caller's headers": ["mutates the caller's headers"],
  "does not change the caller's init, Headers object or list of headers": ["mutates the caller's headers"],
  "keeps a Request's own method, headers and body, and does not change the Request": [
    "drops the Request's own headers",
  ],
  "lets init override a Request's own method and headers, as fetch does": ['reads the body itself'],
  'reads what init inherits, and members of a class with private fields': [
    'copies init by its own properties',
  ],
  'takes a URL object as well as a string': ['reads the body itself'],
  'sends a streamed request body': ['reads the body itself'],
  'hands the response body on piece by piece, as it comes': ['reads the body itself'],
  'returns a Response with the url, headers and type that fetch returns': ['ends the span with the body'],
  'leaves calls that go over no network alone': ['traces calls that go over no network'],
  'answers HEAD and empty responses': ['ends the span with the body'],
  'describes every hop alike: method, host and port, and its own URL': ['describes the first hop only'],
  'makes one span per hop, each with its own traceparent and the count of resends': ['counts no resends'],
  'sends nothing to another origin that a redirect leads to': ['follows redirects with the first headers'],
  "carries the caller's own headers to another origin as fetch does: secrets stay behind": [
    'follows redirects with the first headers',
  ],
  'changes method and body on 301, 302 and 303 and keeps them on 307 and 308, as fetch does': [
    'follows redirects with the first headers',
  ],
  'reports the last url, and that it was redirected': ['ends the span with the body'],
  'follows no redirect in the modes manual and error': ['wraps errors'],
  'gives up after as many redirects as fetch': ['follows redirects with the first headers'],
  'ends every span when a hop fails': ['follows redirects with the first headers'],
  'records the duration of each call in seconds, in the buckets and by the attributes of the conventions': [
    'records no metric',
  ],
  'gives the duration the same error.type as the span': ['records no metric'],
  'records the duration of calls that are not sampled': ['records no metric'],
  'makes no span for an ignored call and still sends the context along': [
    'forgets the context of ignored calls',
  ],
  'uses the tracer provider and propagator that it is given instead of the global ones': [
    'injects the context of the caller, not of the call',
  ],
  'names the span as the spanName option says, and adds what the attributes option returns': [
    'names the span by the path',
  ],
  'calls requestHook and responseHook once each with the span, which both may still write to': [
    'reads the body itself',
  ],
  'captures the listed headers as lists of strings, and no others': ['reads the body itself'],
  "redacts the user's list of query parameters instead of the default one": [
    'records credentials and signatures',
  ],
  'throws a TypeError when it is made with wrong options': ['reads the body itself'],
  'calls on when requestHook and responseHook throw': ['throws when a hook throws'],
  'calls on when hooks return promises that reject': ['throws when a hook throws'],
  'calls on when ignore, spanName and attributes throw': ['reads the body itself', 'ends the span twice'],
  'calls on when the propagator throws': ['throws when the propagator throws'],
  'calls on when the sampler throws': ['reads the body itself'],
  'calls on when a span processor throws': ['reads the body itself'],
  'calls on when the meter provider throws': ['reads the body itself'],
  'throws nothing, changes nothing and sends nothing of its own when no SDK is registered': [
    'reads the body itself',
  ],
  "leaves the caller's own traceparent alone when no SDK is registered": ['reads the body itself'],
};
