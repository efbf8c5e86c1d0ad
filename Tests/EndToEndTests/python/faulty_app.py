"""An app with one way to go wrong: good, slow, reset, lie, error, flaky; over gRPC grpc-good, grpc-slow, grpc-flaky.

    faulty_app.py MODE

Prints its port, and then a line for each request: method, path, and what is left of the caller's time, `-` if nobody said. slow answers
after three seconds, reset breaks the connection off at once, lie announces more than it sends, error answers with 503, flaky answers
every other request with 503. A gRPC app has the service `test.Echo`, which knows nothing but bytes.
"""

import http.server
import json
import socket
import struct
import sys
import time

MODE = sys.argv[1]
count = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def serve(self):
        global count
        if self.path.startswith("/dapr"):
            return self.answer(404, b"")
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        print(self.command, self.path, self.headers.get("octavo-timeout-ms", "-"), flush=True)
        count += 1
        if MODE == "slow":
            time.sleep(3)
        if MODE == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return self.connection.close()
        if MODE == "lie":
            self.send_response(200)
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b"part")
            self.wfile.flush()
            self.close_connection = True
            return
        failing = MODE == "error" or MODE == "flaky" and count % 2 == 1
        told = {"mode": MODE, "body": body.decode(), "caller": self.headers.get("dapr-caller-app-id", "")}
        self.answer(503 if failing else 200, json.dumps(told).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

    do_GET = do_POST = do_PUT = do_DELETE = serve


def grpc_app():
    from concurrent import futures

    import grpc

    def unary(request, context):
        global count
        count += 1
        left = context.time_remaining()
        print("CALL", "/test.Echo/Unary", "-" if left is None or left > 1e6 else int(left * 1000), flush=True)
        if MODE == "grpc-slow":
            time.sleep(3)
        if MODE == "grpc-flaky" and count % 2 == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return request

    def chat(requests, context):
        for index, request in enumerate(requests):
            if MODE == "grpc-flaky" and index == 1:
                context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
            yield request

    server = grpc.server(futures.ThreadPoolExecutor(16))
    server.add_generic_rpc_handlers([
        grpc.method_handlers_generic_handler("test.Echo", {
            "Unary": grpc.unary_unary_rpc_method_handler(unary), "Chat": grpc.stream_stream_rpc_method_handler(chat),
        })
    ])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if MODE.startswith("grpc"):
    grpc_app()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
