"""Servers that output bindings call with TLS: HTTPS that asks for a client's certificate, SMTP with STARTTLS, SMTP with TLS at once.

Arguments: certificate, key, authority of clients. Prints the three ports in one line, and then a line of JSON for all that comes.
"""

import json
import socket
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

CERTIFICATE, KEY, AUTHORITY = sys.argv[1:4]


class Web(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        subject = dict(part[0] for part in self.connection.getpeercert()["subject"])
        body = json.dumps({"web": self.path, "client": subject["commonName"]}).encode()
        print(body.decode(), flush=True)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # handshakes that fail


class Mail:
    def __init__(self, way):
        self.way = way

    async def handle_DATA(self, server, session, envelope):
        # After STARTTLS the session knows of it; with TLS at once the transport does.
        secure = server.transport.get_extra_info("ssl_object") is not None
        print(json.dumps({"mail": self.way, "tls": secure, "to": envelope.rcpt_tos}), flush=True)
        return "250 taken"


class AnyPort(Controller):
    def _trigger_server(self):
        # The port is the kernel's choice. The server is there once it has greeted somebody.
        self.port = self.server.sockets[0].getsockname()[1]
        with socket.create_connection(("127.0.0.1", self.port), 10) as link:
            if self.ssl_context:
                link = ssl._create_unverified_context().wrap_socket(link)
            link.recv(1024)


def context(client=False):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(CERTIFICATE, KEY)
    if client:
        made.load_verify_locations(AUTHORITY)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


web = Quiet(("127.0.0.1", 0), Web)
web.socket = context(client=True).wrap_socket(web.socket, server_side=True, do_handshake_on_connect=False)


class Asking(AnyPort):
    def factory(self):
        return SMTP(self.handler, tls_context=context(), require_starttls=True)


started = []
for server in [Asking(Mail("starttls"), hostname="127.0.0.1", port=0), AnyPort(Mail("implicit"), hostname="127.0.0.1", port=0, ssl_context=context())]:
    server.start()
    started.append(server.server.sockets[0].getsockname()[1])
print(web.server_address[1], *started, flush=True)
web.serve_forever()
