"""Servers that output bindings call: HTTP and SMTP. Prints both ports in one line, and then a line of JSON for all that comes."""

import email
import email.policy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller


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
            "headers": [name.lower() for name in parsed.keys()], "html": parsed.get_content(), "type": parsed.get_content_type(),
        }), flush=True)
        return "550 not for me" if "refused@example.com" in envelope.rcpt_tos else "250 taken"


web = ThreadingHTTPServer(("127.0.0.1", 0), Web)
web.daemon_threads = True


class AnyPort(Controller):
    # The port is the kernel's choice: it is not asked for by another connection.
    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


mail = AnyPort(Mail(), hostname="127.0.0.1", port=0)
mail.start()
print(web.server_address[1], mail.server.sockets[0].getsockname()[1], flush=True)
web.serve_forever()
