"""Servers that output bindings call: HTTP and SMTP. Prints both ports in one line, and then a line of JSON for all that comes.

Arguments: files of a certificate, its key and an authority. With them HTTP speaks TLS and wants a certificate of that authority, and SMTP
wants STARTTLS and then a user and a password.
"""

import email
import email.policy
import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Web(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        shown = {"method": self.command, "path": self.path, "body": body, "headers": {k.lower(): v for k, v in self.headers.items()}}
        print(json.dumps(shown), flush=True)
        status = int(self.path.rsplit("/", 1)[1]) if self.path.startswith("/status/") else 200
        sent = json.dumps(shown).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(sent)))
        self.send_header("content-type", "application/json")
        self.send_header("x-more", "1")
        self.send_header("x-more", "2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = answer


class Mail:
    async def handle_DATA(self, server, session, envelope):
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "subject": parsed["subject"], "priority": parsed["x-priority"],
            "secure": session.ssl is not None, "user": session.auth_data and session.auth_data.login.decode(),
            "headers": [name.lower() for name in parsed.keys()], "html": parsed.get_content(), "type": parsed.get_content_type(),
        }), flush=True)
        return "550 not for me" if "refused@example.com" in envelope.rcpt_tos else "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    # Not handled: who is refused is told so by the server.
    return AuthResult(success=data.login == b"sender" and data.password == b"s3cret", handled=False, auth_data=data)


options = {}
web = ThreadingHTTPServer(("127.0.0.1", 0), Web)
if len(sys.argv) > 1:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    options = {
        "tls_context": context, "require_starttls": True, "authenticator": authenticate, "auth_required": True, "auth_require_tls": True,
    }
    strict = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    strict.load_cert_chain(sys.argv[1], sys.argv[2])
    strict.load_verify_locations(sys.argv[3])
    strict.verify_mode = ssl.CERT_REQUIRED
    # A handshake is a matter of the connection's own thread.
    web.socket = strict.wrap_socket(web.socket, server_side=True, do_handshake_on_connect=False)
web.daemon_threads = True


class AnyPort(Controller):
    # The port is the kernel's choice: it is not asked for by another connection.
    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


mail = AnyPort(Mail(), hostname="127.0.0.1", port=0, **options)
mail.start()
print(web.server_address[1], mail.server.sockets[0].getsockname()[1], flush=True)
web.serve_forever()
