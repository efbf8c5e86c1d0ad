"""An app with input bindings. It prints its port, and then a line of JSON for every event. "flaky" it takes the second time."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

lock = threading.Lock()
seen = set()


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_OPTIONS(self):
        self.answer(200)

    def do_GET(self):
        self.answer(404)

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        with lock:
            print(json.dumps({"path": self.path, "data": data, "headers": {name.lower(): self.headers[name] for name in self.headers}}), flush=True)
            is_new = (self.path, data) not in seen
            seen.add((self.path, data))
        self.answer(500 if "flaky" in data and is_new else 200)


server = ThreadingHTTPServer(("127.0.0.1", 0), App)
print(server.server_address[1], flush=True)
server.serve_forever()
