"""A collector of traces and metrics with the official messages of OpenTelemetry: OTLP over gRPC and over HTTP, and Zipkin's JSON.

Prints {"grpc": PORT, "http": PORT}, and then a line for each span: name, trace, id, parent, kind, attributes, status, service, by; and for
each message of metrics: by, time, resource, kinds by name, and values by what the metrics page calls the series.
With an argument N the first N requests are refused with what a busy collector answers. Two more are the ports of one that was here before.
"""

import json
import sys
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_messages
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_services
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as services

KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"]
lock = threading.Lock()
busy = int(sys.argv[1]) if len(sys.argv) > 1 else 0
ports = [int(port) for port in sys.argv[2:4]] or [0, 0]


def is_busy():
    global busy
    with lock:
        busy -= 1
        return busy >= 0


def tell(**span):
    with lock:
        print(json.dumps(span), flush=True)


def take(request, by, fields):
    for resource in request.resource_spans:
        service = {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                assert len(span.trace_id) == 16 and len(span.span_id) == 8 and len(span.parent_span_id) in (0, 8), span
                assert span.start_time_unix_nano <= span.end_time_unix_nano, span
                tell(
                    by=by, service=service, name=span.name, trace=span.trace_id.hex(), id=span.span_id.hex(), parent=span.parent_span_id.hex(),
                    kind=KINDS[span.kind], failed=span.status.code == 2, state=span.trace_state, fields=fields,
                    nanoseconds=span.end_time_unix_nano - span.start_time_unix_nano,
                    attributes={
                        one.key: one.value.string_value if one.value.HasField("string_value") else one.value.int_value
                        for one in span.attributes
                    })


def number(value):
    return str(int(value)) if value == int(value) else repr(value)


def series(name, attributes, *more):
    labels = [(one.key, one.value.string_value) for one in attributes] + list(more)
    return name + ("{" + ",".join(f'{key}="{value}"' for key, value in labels) + "}" if labels else "")


def take_metrics(request, by, fields):
    for resource in request.resource_metrics:
        kinds, values, times = {}, {}, set()
        for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
            kind = metric.WhichOneof("data")
            data = getattr(metric, kind)
            kinds[metric.name] = kind
            assert metric.description, metric
            if kind == "sum":
                assert data.is_monotonic, metric
            if kind != "gauge":
                assert data.aggregation_temporality == 2, metric
            for point in data.data_points:
                times.add(point.time_unix_nano)
                assert 1e18 < point.start_time_unix_nano <= point.time_unix_nano, metric
                if kind == "histogram":
                    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1 and point.count == sum(point.bucket_counts), metric
                    total = 0
                    for count, bound in zip(point.bucket_counts, list(map(number, point.explicit_bounds)) + ["+Inf"]):
                        total += count
                        values[series(metric.name + "_bucket", point.attributes, ("le", bound))] = total
                    values[series(metric.name + "_sum", point.attributes)] = point.sum
                    values[series(metric.name + "_count", point.attributes)] = point.count
                else:
                    assert point.WhichOneof("value"), metric
                    values[series(metric.name, point.attributes)] = getattr(point, point.WhichOneof("value"))
        assert len(times) == 1, times
        tell(
            by=by, time=str(times.pop()), kinds=kinds, values={name: str(value) for name, value in values.items()}, fields=fields,
            resource={one.key: one.value.string_value for one in resource.resource.attributes})


class MetricsService(metrics_services.MetricsServiceServicer):
    def Export(self, request, context):
        if is_busy():
            context.abort(grpc.StatusCode.UNAVAILABLE, "busy")
        take_metrics(request, "grpc", {name: value for name, value in context.invocation_metadata() if isinstance(value, str)})
        return metrics_messages.ExportMetricsServiceResponse()


class Service(services.TraceServiceServicer):
    def Export(self, request, context):
        if is_busy():
            context.abort(grpc.StatusCode.UNAVAILABLE, "busy")
        take(request, "grpc", {name: value for name, value in context.invocation_metadata() if isinstance(value, str)})
        return messages.ExportTraceServiceResponse()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        fields = {name.lower(): value for name, value in self.headers.items()}
        status = 200
        if is_busy():
            status = 503
        elif self.path == "/v1/traces":
            assert fields["content-type"] == "application/x-protobuf", fields
            take(messages.ExportTraceServiceRequest.FromString(body), "http", fields)
        elif self.path == "/v1/metrics":
            assert fields["content-type"] == "application/x-protobuf", fields
            take_metrics(metrics_messages.ExportMetricsServiceRequest.FromString(body), "http", fields)
        elif self.path == "/api/v2/spans":
            status = 202
            for span in json.loads(body):
                assert len(span["traceId"]) == 32 and len(span["id"]) == 16 and span["duration"] > 0 and span["timestamp"] > 1e15, span
                tell(
                    by="zipkin", service=span["localEndpoint"]["serviceName"], name=span["name"], trace=span["traceId"], id=span["id"],
                    parent=span.get("parentId", ""), kind=span["kind"].lower(), failed="error" in span["tags"], state="", fields=fields,
                    nanoseconds=span["duration"] * 1000, attributes=span["tags"])
        else:
            status = 404
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = grpc.server(futures.ThreadPoolExecutor(4))
services.add_TraceServiceServicer_to_server(Service(), server)
metrics_services.add_MetricsServiceServicer_to_server(MetricsService(), server)
port = server.add_insecure_port(f"127.0.0.1:{ports[0]}")
server.start()
http = ThreadingHTTPServer(("127.0.0.1", ports[1]), Handler)
with lock:
    print(json.dumps({"grpc": port, "http": http.server_port}), flush=True)
http.serve_forever()
