"""A service as a Python team would write it: FastAPI and httpx with their OpenTelemetry instrumentations.

GET /relay?to=URL calls URL and answers with what this service received and what URL answered; GET /spans lists the
spans that have ended here.
"""

import os

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from opentelemetry import baggage, trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

FIELDS = ("traceparent", "tracestate", "baggage")

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)

app = FastAPI()
client = httpx.AsyncClient(timeout=20)
HTTPXClientInstrumentor.instrument_client(client)


@app.get("/relay")
async def relay(request: Request, to: str | None = None) -> Response:
    answer = {
        "received": {name: request.headers[name] for name in FIELDS if name in request.headers},
        "baggage": dict(baggage.get_all()),
    }
    status = 200
    if to:
        response = await client.get(to)
        status = response.status_code
        answer["next"] = response.json()
    return JSONResponse(answer, status)


@app.get("/spans")
async def ended_spans() -> list[dict]:
    return [summary(span) for span in spans.get_finished_spans()]


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


# The spans that the instrumentation makes for each message sent and received are none of a hop's.
FastAPIInstrumentor.instrument_app(app, excluded_urls="/spans", exclude_spans=["receive", "send"])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
