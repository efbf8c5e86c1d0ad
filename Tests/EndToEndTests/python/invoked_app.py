"""An app that tells what it was asked: the request of a call is its answer.

    invoked_app.py http PORT
    invoked_app.py grpc PORT

Prints its port. Over HTTP: the field x-status is the answer's status, /slow/N answers after N seconds, /stream/N writes N pieces of
64 KiB, /count answers with the size of a body that it reads in pieces, /sse writes events one by one, /healthz answers 503 after
/unhealthy. Over gRPC: `OnInvoke`, and the service `test.Echo`, which knows nothing but bytes.
"""

import http.server
import json
import socket
import sys
import time
from concurrent import futures

import grpc


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    is_healthy = True

    def pieces(self):
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("content-length") or 0)
        while left:
            part = self.rfile.read(min(left, 65536))
            left -= len(part)
            yield part

    def answer(self, status, body, **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)

    def serve(self):
        kind, _, number = self.path.strip("/").partition("/")
        if kind in ("healthy", "unhealthy"):
            Handler.is_healthy = kind == "healthy"
        if kind == "healthz" and not Handler.is_healthy:
            return self.answer(503, b"")
        if kind == "dapr":
            return self.answer(404, b"")
        if kind == "count":
            return self.answer(200, b"%d" % sum(len(part) for part in self.pieces()))
        body = b"".join(self.pieces())
        if kind in ("stream", "sse"):
            self.send_response(200)
            self.send_header("content-type", "text/event-stream" if kind == "sse" else "application/octet-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for index in range(int(number)):
                part = b"data: %d\n\n" % index if kind == "sse" else b"x" * 65536
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
                if kind == "sse":
                    # The next one goes out when somebody has had this one.
                    time.sleep(0.2)
            self.wfile.write(b"0\r\n\r\n")
            return
        if kind == "slow":
            time.sleep(float(number))
        if kind == "break":
            self.send_response(200)
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b"part")
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        told = {
            "method": self.command, "path": self.path, "body": body.decode(errors="replace"),
            "fields": {name.lower(): value for name, value in self.headers.items()},
        }
        self.answer(int(self.headers.get("x-status", "200")), json.dumps(told).encode(), content_type="application/json", x_app="yes")

    def log_message(self, *_):
        pass

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = serve


def http_app(port):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


def grpc_app(port):
    from dapr.proto import appcallback_service_v1, common_v1
    from google.protobuf.any_pb2 import Any

    class App(appcallback_service_v1.AppCallbackServicer):
        def OnInvoke(self, request, context):
            if request.method == "refuse":
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today: ä")
            told = {
                "method": request.method, "query": request.http_extension.querystring, "verb": request.http_extension.verb,
                "type": request.content_type, "body": request.data.value.decode(),
                "fields": {name: value for name, value in context.invocation_metadata() if isinstance(value, str)},
            }
            context.send_initial_metadata((("x-app", "yes"),))
            return common_v1.InvokeResponse(data=Any(value=json.dumps(told).encode()), content_type="application/json")

    def unary(request, context):
        if request == b"fail":
            context.set_trailing_metadata((("x-trailer", "t"), ("x-bytes-bin", b"\0\1")))
            context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
        seen = dict(context.invocation_metadata())
        context.send_initial_metadata((("x-callee", seen.get("dapr-callee-app-id", "")), ("x-caller", seen.get("dapr-caller-app-id", ""))))
        left = context.time_remaining()
        context.set_trailing_metadata((("x-left", "" if left is None or left > 1e6 else f"{left:.3f}"), ("x-token", seen.get("dapr-api-token", ""))))
        return request

    def many(request, context):
        for index in range(int(request)):
            yield b"%d" % index

    def total(requests, context):
        return b"%d" % sum(len(request) for request in requests)

    def chat(requests, context):
        for request in requests:
            yield request.upper()

    server = grpc.server(futures.ThreadPoolExecutor(16))
    appcallback_service_v1.add_AppCallbackServicer_to_server(App(), server)
    server.add_generic_rpc_handlers([
        grpc.method_handlers_generic_handler("test.Echo", {
            "Unary": grpc.unary_unary_rpc_method_handler(unary), "Many": grpc.unary_stream_rpc_method_handler(many),
            "Total": grpc.stream_unary_rpc_method_handler(total), "Chat": grpc.stream_stream_rpc_method_handler(chat),
        })
    ])
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


{"http": http_app, "grpc": grpc_app}[sys.argv[1]](int(sys.argv[2]))
