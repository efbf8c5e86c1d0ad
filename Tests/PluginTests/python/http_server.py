"""A server with answers of many sorts. usage: http_server.py READY [CERTIFICATE KEY [CLIENTS' AUTHORITY]]; its port is
written to the file READY."""

import http.server
import os
import socket
import ssl
import sys
import threading
import time
import urllib.parse

seen = {}
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def any(self):
        place, _, query = self.path.partition("?")
        given = dict(urllib.parse.parse_qsl(query))
        sent = self.body()
        with lock:
            seen[self.path] = seen.get(self.path, 0) + 1
        if place == "/echo":
            heads = ",".join(f"{n.lower()}={v}" for n, v in sorted(self.headers.items()) if n.lower() != "host")
            self.answer(int(given.get("status", 200)), self.command.encode() + b" " + sent + b" " + heads.encode(), [("X-Answer", "a b")])
        elif place == "/port":
            self.answer(200, str(self.client_address[1]).encode())
        elif place == "/size":
            self.answer(200, b"x" * int(given["n"]))
        elif place == "/slow":
            time.sleep(float(given["s"]))
            self.answer(200, b"at last")
        elif place == "/redirect":
            self.answer(307, b"", [("Location", given["to"])])
        elif place == "/seen":
            with lock:
                self.answer(200, str(seen.get(urllib.parse.unquote(given["of"]), 0)).encode())
        elif place == "/drop":
            # The connection is closed without an answer. It was good for one request before.
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif place == "/stream":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            number = 0
            try:
                while number < int(given.get("n", 1 << 30)):
                    piece = b"%d;" % number
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
                    number += 1
                    time.sleep(float(given.get("s", 0.01)))
                self.wfile.write(b"0\r\n\r\n")
            except OSError:
                with lock:
                    seen["gone"] = seen.get("gone", 0) + 1
        else:
            self.answer(404, b"nothing here")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = any


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    if len(sys.argv) > 4:
        context.load_verify_locations(sys.argv[4])
        context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
