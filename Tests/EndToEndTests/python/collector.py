"""A collector of traces with the official messages of OpenTelemetry: OTLP over gRPC and over HTTP, and Zipkin's JSON.

Prints {"grpc": PORT, "http": PORT}, and then a line for each span: name, trace, id, parent, kind, attributes, status, service, by.
With an argument N the first N requests are refused with what a busy collector answers.
"""

import json
import sys
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as services

KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"]
lock = threading.Lock()
busy = int(sys.argv[1]) if len(sys.argv) > 1 else 0


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
port = server.add_insecure_port("127.0.0.1:0")
server.start()
http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with lock:
    print(json.dumps({"grpc": port, "http": http.server_port}), flush=True)
http.serve_forever()
