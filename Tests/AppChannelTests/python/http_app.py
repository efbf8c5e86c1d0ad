"""An HTTP app: http_app.py PORT FOLDER. Answers are decided by files in FOLDER; what it was asked is a line of its output."""
import json
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder = sys.argv[2]


def end_with_input():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
lock = threading.Lock()
running = peak = 0


def read(name, default):
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return default


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def told(self, body=b""):
        headers = {name.lower(): value for name, value in self.headers.items()}
        line = {"method": self.command, "path": self.path, "headers": headers, "body": body.decode()}
        with lock:
            print(json.dumps(line), flush=True)

    def do_GET(self):
        self.told()
        if self.path == "/healthz":
            self.answer(int(read("health", "200")))
        elif self.path == "/dapr/subscribe":
            self.answer(int(read("subscribe-status", "200")), read("subscribe", "[]").encode())
        elif self.path == "/dapr/config" and read("config", ""):
            self.answer(200, read("config", "").encode())
        else:
            self.answer(404)

    def do_OPTIONS(self):
        self.told()
        self.answer({"/wanted": 200, "/post-only": 405}.get(self.path, 404))

    def do_POST(self):
        global running, peak
        body = self.rfile.read(int(self.headers["content-length"]))
        self.told(body)
        if self.path == "/slow":
            with lock:
                running += 1
                peak = max(peak, running)
            time.sleep(0.02)
            with lock:
                running -= 1
                with open(os.path.join(folder, "peak"), "w", encoding="utf-8") as file:
                    file.write(str(peak))
            return self.answer(200)
        status, _, text = read("answer", "200").partition(" ")
        self.answer(int(status), text.encode())


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    if sys.argv[1].startswith("/"):
        address_family = socket.AF_UNIX

        def server_bind(self):
            if os.path.exists(self.server_address):
                os.unlink(self.server_address)
            self.socket.bind(self.server_address)

        def get_request(self):
            connection, _ = self.socket.accept()
            return connection, ("unix", 0)


where = sys.argv[1] if sys.argv[1].startswith("/") else ("127.0.0.1", int(sys.argv[1]))
server = Server(where, App)
print("listening", flush=True)
server.serve_forever()
