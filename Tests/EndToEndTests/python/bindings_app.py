"""An app with an input binding `tick`. It prints its port, and then a line of JSON for everything that it is given.

Arguments: http, fastapi or grpc; the port (0: any free one). Of the first event it says that it failed. Its answer to the others asks for an
item in the state store `store` and for a call of the output binding `files`.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROTOCOL, PORT = sys.argv[1], int(sys.argv[2])
lock = threading.Lock()
count = 0
ANSWER = {
    "storeName": "store", "state": [{"key": "seen", "value": {"by": PROTOCOL}}], "to": ["files"], "concurrency": "parallel",
    "data": {"from": PROTOCOL},
}


def take(name, data, metadata):
    """Whether it is taken."""
    global count
    with lock:
        count += 1
        print(json.dumps({"name": name, "data": data, "metadata": metadata}), flush=True)
        return count > 1


class HTTPApp(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(404)

    def do_OPTIONS(self):
        self.answer(200 if self.path == "/on-tick" else 404)

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        if self.path != "/on-tick":
            return self.answer(404)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if take(self.path[1:], data, headers):
            self.answer(200, json.dumps(ANSWER).encode())
        else:
            self.answer(500)


if PROTOCOL == "http":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), HTTPApp)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
elif PROTOCOL == "fastapi":
    import asyncio
    import socket

    import uvicorn
    from dapr.ext.fastapi import DaprApp
    from fastapi import FastAPI, Request, Response

    app = FastAPI()
    DaprApp(app)

    @app.post("/on-tick")
    async def on_tick(request: Request, response: Response):
        if take("on-tick", (await request.body()).decode(), dict(request.headers)):
            return ANSWER
        response.status_code = 500

    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", PORT))
    listening.listen(64)
    print(listening.getsockname()[1], flush=True)
    asyncio.run(uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[listening]))
else:
    import socket

    from dapr.ext.grpc import App, BindingRequest
    from dapr.ext.grpc._servicer import _CallbackServicer
    from dapr.proto.common.v1 import common_pb2 as common
    from dapr.proto.runtime.v1 import appcallback_pb2 as messages

    told = {}
    inner = _CallbackServicer.OnBindingEvent

    def on_binding_event(self, request, context):
        """The SDK's handler gets no metadata of the event and can't answer with everything: its answer is added to."""
        told.update(request.metadata)
        inner(self, request, context)
        return messages.BindingEventResponse(
            store_name="store", states=[common.StateItem(key="seen", value=json.dumps(ANSWER["state"][0]["value"]).encode())],
            to=["files"], data=json.dumps(ANSWER["data"]).encode(), concurrency=messages.BindingEventResponse.PARALLEL)

    _CallbackServicer.OnBindingEvent = on_binding_event
    app = App()

    @app.binding("tick")
    def on_tick(request: BindingRequest):
        if not take("on-tick", request.text(), dict(told)):
            raise RuntimeError("as asked for")

    if PORT == 0:
        free = socket.socket()
        free.bind(("127.0.0.1", 0))
        PORT = free.getsockname()[1]
        free.close()
    threading.Timer(0.2, lambda: print(PORT, flush=True)).start()
    app.run(PORT)
