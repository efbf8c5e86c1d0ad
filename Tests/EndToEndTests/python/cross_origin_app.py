"""An app that says of its answers at /own which origin may read them, and of others nothing. Prints its port."""

import http.server


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(404 if self.path.startswith("/dapr") else 200)
        if self.path == "/own":
            self.send_header("access-control-allow-origin", "https://own.example")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
