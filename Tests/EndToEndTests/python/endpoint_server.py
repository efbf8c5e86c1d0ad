"""A server that is no app: answers with what it was asked, as JSON.    endpoint_server.py [CERTIFICATE KEY CLIENT_AUTHORITY]

With a certificate it speaks TLS and takes only clients whose certificate the authority has signed."""

import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        peer = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        text = json.dumps({
            "method": self.command, "path": self.path, "body": body.decode(), "peer": bool(peer),
            "headers": {name.lower(): value for name, value in self.headers.items()},
        }).encode()
        self.send_response(404 if self.path.endswith("/missing") else 200)
        self.send_header("content-length", str(len(text)))
        self.send_header("x-from", "endpoint")
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if len(sys.argv) > 1:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    context.load_verify_locations(sys.argv[3])
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
