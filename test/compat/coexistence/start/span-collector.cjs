/** A span processor that keeps what the comparison needs of each span. */
exports.spanCollector = () => {
  const spans = [];
  return {
    spans,
    onStart() {},
    onEnd(span) {
      const { traceId, spanId } = span.spanContext();
      spans.push({
        traceId,
        spanId,
        parentSpanId: span.parentSpanContext?.spanId,
        name: span.name,
        server: span.kind === 1,
      });
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
};
