"""What the servers that speak another's API have in common: TLS, a file that tells their port, and /control for tests."""

import http.server
import json
import os
import ssl
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Set by `serve`.
    state = None

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        # Small writes of a stream go out at once.
        self.connection.setsockopt(6, 1, 1)

    def answer(self, status, document=None, headers=()):
        text = b"" if document is None else json.dumps(document).encode() + b"\n"
        self.send_response(status)
        if text:
            self.send_header("Content-Type", "application/json")
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def body(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return json.loads(text) if text else {}

    def any(self):
        if self.path == "/control":
            given = self.body()
            with self.state.lock:
                self.state.control.update(given)
                self.state.changed.notify_all()
                return self.answer(200, {"control": self.state.control, "seen": self.state.seen})
        with self.state.lock:
            self.state.seen.append(f"{self.command} {self.path}")
            redirect = self.state.control.get("redirect")
            throttled = self.state.control.get("throttle", 0)
            if throttled:
                self.state.control["throttle"] = throttled - 1
        if "junk" in self.state.control:
            # Whatever bytes a test likes, as hexadecimal digits.
            text = bytes.fromhex(self.state.control["junk"])
            self.send_response(self.state.control.get("status", 200))
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            return self.wfile.write(text)
        if redirect:
            return self.answer(307, None, [("Location", redirect + self.path), ("Content-Length", "0")])
        if throttled:
            wait = self.state.control.get("retry_after")
            return self.throttled([("Retry-After", str(wait))] if wait else [])
        self.serve()

    do_GET = do_POST = do_PUT = do_DELETE = do_LIST = any


class State:
    def __init__(self):
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        # What a test has set.
        self.control = {}
        # "METHOD PATH" of each request.
        self.seen = []


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    # Connections that wait to be accepted, as servers have it: the library's 5 are few beside a check under load.
    request_queue_size = 128

    def handle_error(self, *_):
        pass


def serve(handler, state):
    """Arguments: READY PORT [CERTIFICATE KEY [AUTHORITY OF CLIENTS]]. Serves until the process is killed; the port is written to the file READY."""
    handler.state = state
    ready, port, files = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    server = Server(("127.0.0.1", port), handler)
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files[:2])
        if files[2:]:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(files[2])
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with open(ready + ".part", "w") as file:
        file.write(str(server.server_address[1]))
    os.rename(ready + ".part", ready)
    server.serve_forever()
