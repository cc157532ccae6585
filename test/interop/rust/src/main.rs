//! A service as a Rust team would write it: axum and reqwest, with OpenTelemetry's API used by hand, since neither has
//! an instrumentation of its own in these crates.
//!
//! GET /relay?to=URL calls URL and answers with what this service received and what URL answered; GET /spans lists the
//! spans that have ended here.

use std::{collections::HashMap, env, sync::Arc};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use opentelemetry::{
    Context,
    baggage::BaggageExt,
    global,
    propagation::TextMapCompositePropagator,
    trace::{FutureExt, SpanKind, Status, TraceContextExt, Tracer},
};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::{
    propagation::{BaggagePropagator, TraceContextPropagator},
    trace::{InMemorySpanExporter, SdkTracerProvider, SpanData},
};
use serde_json::{Map, Value, json};

struct Service {
    client: reqwest::Client,
    spans: InMemorySpanExporter,
}

type Answer = (StatusCode, Json<Value>);

#[tokio::main]
async fn main() {
    let spans = InMemorySpanExporter::default();
    global::set_tracer_provider(
        SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .build(),
    );
    global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ]));
    let service = Arc::new(Service {
        client: reqwest::Client::new(),
        spans,
    });
    let app = Router::new()
        .route("/relay", get(relay))
        .route("/spans", get(ended_spans))
        .with_state(service);
    let address = format!("127.0.0.1:{}", env::var("PORT").expect("PORT"));
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .expect("a free port");
    axum::serve(listener, app).await.expect("the server runs");
}

async fn relay(
    State(service): State<Arc<Service>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Answer {
    let caller = global::get_text_map_propagator(|it| it.extract(&HeaderExtractor(&headers)));
    let tracer = global::tracer("relay");
    let span = tracer
        .span_builder("GET /relay")
        .with_kind(SpanKind::Server)
        .start_with_context(&tracer, &caller);
    let context = caller.with_span(span);

    let (status, Json(answer)) = answer(&service, query.get("to"), &headers)
        .with_context(context.clone())
        .await;
    if status.is_server_error() {
        context.span().set_status(Status::error(""));
    }
    context.span().end();
    (status, Json(answer))
}

async fn answer(service: &Service, to: Option<&String>, headers: &HeaderMap) -> Answer {
    let mut answer =
        json!({ "received": received(headers), "baggage": members(&Context::current()) });
    let mut status = StatusCode::OK;
    if let Some(to) = to {
        let (answered, next) = call(service, to).await;
        status = answered;
        answer["next"] = next;
    }
    (status, Json(answer))
}

async fn call(service: &Service, to: &str) -> (StatusCode, Value) {
    let tracer = global::tracer("relay");
    let span = tracer
        .span_builder("GET")
        .with_kind(SpanKind::Client)
        .start(&tracer);
    let context = Context::current_with_span(span);
    let mut headers = HeaderMap::new();
    global::get_text_map_propagator(|it| {
        it.inject_context(&context, &mut HeaderInjector(&mut headers))
    });
    let response = service
        .client
        .get(to)
        .headers(headers)
        .send()
        .await
        .expect("an answer");
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        context.span().set_status(Status::error(""));
    }
    let body = response.text().await.expect("a body");
    context.span().end();
    (status, serde_json::from_str(&body).expect("JSON"))
}

async fn ended_spans(State(service): State<Arc<Service>>) -> Json<Vec<Value>> {
    let ended = service
        .spans
        .get_finished_spans()
        .expect("the exporter's lock");
    Json(ended.iter().map(summary).collect())
}

fn summary(span: &SpanData) -> Value {
    let mut summary = json!({
        "traceId": span.span_context.trace_id().to_string(),
        "spanId": span.span_context.span_id().to_string(),
        "traceState": span.span_context.trace_state().header(),
        "kind": format!("{:?}", span.span_kind).to_uppercase(),
        "error": matches!(span.status, Status::Error { .. }),
    });
    if span.parent_span_id != opentelemetry::SpanId::INVALID {
        summary["parentId"] = span.parent_span_id.to_string().into();
    }
    summary
}

fn received(headers: &HeaderMap) -> Map<String, Value> {
    ["traceparent", "tracestate", "baggage"]
        .into_iter()
        .filter_map(|name| Some((name.into(), headers.get(name)?.to_str().ok()?.into())))
        .collect()
}

fn members(context: &Context) -> Map<String, Value> {
    let entries = context.baggage().iter();
    entries
        .map(|(key, (value, _))| (key.to_string(), value.to_string().into()))
        .collect()
}
