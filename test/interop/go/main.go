// A service as a Go team would write it: net/http, otelhttp on both sides, OpenTelemetry's own propagators.
//
// GET /relay?to=URL calls URL and answers with what this service received and what URL answered; GET /spans lists the
// spans that have ended here.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func main() {
	spans := tracetest.NewInMemoryExporter()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)))
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(
		propagation.TraceContext{}, propagation.Baggage{},
	))
	client := &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport)}

	mux := http.NewServeMux()
	relay := func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]any{
			"received": received(r.Header),
			"baggage":  members(r.Context()),
		}
		status := http.StatusOK
		if to := r.URL.Query().Get("to"); to != "" {
			var next any
			var err error
			if status, next, err = call(r.Context(), client, to); err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			answer["next"] = next
		}
		reply(w, status, answer)
	}
	mux.Handle("GET /relay", otelhttp.NewHandler(http.HandlerFunc(relay), "relay"))
	mux.HandleFunc("GET /spans", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, summaries(spans.GetSpans()))
	})

	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, mux))
}

func call(ctx context.Context, client *http.Client, to string) (int, any, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return 0, nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	// The body must be read to its end: only then does otelhttp end the CLIENT span.
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err
	}
	var next any
	if err := json.Unmarshal(body, &next); err != nil {
		return 0, nil, fmt.Errorf("%s answered %q: %w", to, body, err)
	}
	return response.StatusCode, next, nil
}

func received(header http.Header) map[string]string {
	fields := map[string]string{}
	for _, name := range []string{"traceparent", "tracestate", "baggage"} {
		if value := header.Get(name); value != "" {
			fields[name] = value
		}
	}
	return fields
}

func members(ctx context.Context) map[string]string {
	entries := map[string]string{}
	for _, member := range baggage.FromContext(ctx).Members() {
		entries[member.Key()] = member.Value()
	}
	return entries
}

func summaries(stubs tracetest.SpanStubs) []map[string]any {
	list := []map[string]any{}
	for _, span := range stubs {
		entry := map[string]any{
			"traceId":    span.SpanContext.TraceID().String(),
			"spanId":     span.SpanContext.SpanID().String(),
			"traceState": span.SpanContext.TraceState().String(),
			"kind":       map[string]string{"server": "SERVER", "client": "CLIENT"}[span.SpanKind.String()],
			"error":      span.Status.Code.String() == "Error",
		}
		if span.Parent.SpanID().IsValid() {
			entry["parentId"] = span.Parent.SpanID().String()
		}
		list = append(list, entry)
	}
	return list
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("content-type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err)
	}
}
