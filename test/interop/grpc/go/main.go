// A service as a Go team would write it: grpc-go with otelgrpc on both sides, OpenTelemetry's own propagators.
//
// The method interop.Relay/Call takes the address of the next service, or nothing, and answers with what this service
// received and what the next one answered. GET /spans on PORT lists the spans that have ended here.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type relay interface {
	Call(context.Context, *wrapperspb.StringValue) (*wrapperspb.StringValue, error)
}

type service struct{}

var relayService = grpc.ServiceDesc{
	ServiceName: "interop.Relay",
	HandlerType: (*relay)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Call",
		Handler: func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			request := new(wrapperspb.StringValue)
			if err := decode(request); err != nil {
				return nil, err
			}
			return srv.(relay).Call(ctx, request)
		},
	}},
}

func main() {
	spans := tracetest.NewInMemoryExporter()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)))
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(
		propagation.TraceContext{}, propagation.Baggage{},
	))
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("GRPC_PORT"))
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.StatsHandler(otelgrpc.NewServerHandler()))
	server.RegisterService(&relayService, service{})
	go func() { log.Fatal(server.Serve(listener)) }()

	http.HandleFunc("GET /spans", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", "application/json")
		if err := json.NewEncoder(w).Encode(summaries(spans.GetSpans())); err != nil {
			log.Print(err)
		}
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

func (service) Call(ctx context.Context, to *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
	if to.Value == "fail" {
		return nil, status.Error(codes.NotFound, "asked to fail")
	}
	answer := map[string]any{"received": received(ctx), "baggage": members(ctx)}
	if to.Value != "" {
		connection, err := grpc.NewClient(to.Value,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithStatsHandler(otelgrpc.NewClientHandler()))
		if err != nil {
			return nil, err
		}
		defer connection.Close()
		next := new(wrapperspb.StringValue)
		if err := connection.Invoke(ctx, "/interop.Relay/Call", wrapperspb.String(""), next); err != nil {
			return nil, err
		}
		answer["next"] = json.RawMessage(next.Value)
	}
	text, err := json.Marshal(answer)
	return wrapperspb.String(string(text)), err
}

func received(ctx context.Context) map[string][]string {
	fields := map[string][]string{}
	incoming, _ := metadata.FromIncomingContext(ctx)
	for _, name := range []string{"traceparent", "tracestate", "baggage"} {
		if values := incoming.Get(name); len(values) > 0 {
			fields[name] = values
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
