"""A service as a Python team would write it: grpcio with the interceptors of its OpenTelemetry instrumentation.

The method interop.Relay/Call takes the address of the next service, or nothing, and answers with what this service
received and what the next one answered. GET /spans on PORT lists the spans that have ended here.
"""

import json
import os
from concurrent import futures
from http.server import BaseHTTPRequestHandler, HTTPServer

import grpc
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry import baggage, trace
from opentelemetry.instrumentation.grpc import GrpcInstrumentorClient, server_interceptor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

FIELDS = ("traceparent", "tracestate", "baggage")
CALL = "/interop.Relay/Call"

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
GrpcInstrumentorClient().instrument()


def relay(request: StringValue, context: grpc.ServicerContext) -> StringValue:
    if request.value == "fail":
        context.abort(grpc.StatusCode.NOT_FOUND, "asked to fail")
    received: dict[str, list[str]] = {}
    for name, value in context.invocation_metadata():
        if name in FIELDS:
            received.setdefault(name, []).append(value)
    answer = {"received": received, "baggage": dict(baggage.get_all())}
    if request.value:
        with grpc.insecure_channel(request.value) as channel:
            call = channel.unary_unary(
                CALL,
                request_serializer=StringValue.SerializeToString,
                response_deserializer=StringValue.FromString,
            )
            answer["next"] = json.loads(call(StringValue(), timeout=20).value)
    return StringValue(value=json.dumps(answer))


def summary(span) -> dict:
    context = span.get_span_context()
    return {
        "traceId": trace.format_trace_id(context.trace_id),
        "spanId": trace.format_span_id(context.span_id),
        "traceState": context.trace_state.to_header(),
        "kind": span.kind.name,
        "error": span.status.status_code is trace.StatusCode.ERROR,
        **({"parentId": trace.format_span_id(span.parent.span_id)} if span.parent else {}),
    }


class Spans(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps([summary(span) for span in spans.get_finished_spans()]).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), interceptors=[server_interceptor()])
handler = grpc.unary_unary_rpc_method_handler(
    relay,
    request_deserializer=StringValue.FromString,
    response_serializer=StringValue.SerializeToString,
)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("interop.Relay", {"Call": handler}),))
server.add_insecure_port(f"127.0.0.1:{os.environ['GRPC_PORT']}")
server.start()
HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Spans).serve_forever()
