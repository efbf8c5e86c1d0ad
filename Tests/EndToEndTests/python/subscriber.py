"""An app that subscribes by itself. It prints its port, and then a line of JSON for everything that it is given.

Arguments: http, grpc or grpcs, the port (0: any free one); then seconds to think before it says what it subscribes to, or, for grpcs,
the files of its key and of its certificate.
"""

import json
import os
import sys
import threading
import time
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from dapr.proto.runtime.v1 import appcallback_pb2 as messages
from dapr.proto.runtime.v1 import appcallback_pb2_grpc as services
from google.protobuf import json_format

PROTOCOL, PORT = sys.argv[1], int(sys.argv[2])
THINKS = float(sys.argv[3]) if PROTOCOL != "grpcs" and len(sys.argv) > 3 else 0
SUBSCRIPTIONS = [
    {"topic": "plain", "route": "/plain"},
    {"topic": "routed", "rules": [{"match": 'event.type == "important"', "path": "/important"}], "default": "/ordinary"},
    {"topic": "many", "route": "/many", "bulk": (10, 50)},
    {"topic": "failing", "route": "/failing", "dead": "graves"},
    {"topic": "unwanted", "route": "/unwanted", "dead": "graves"},
    {"topic": "graves", "route": "/graves"},
    {"topic": "flaky", "route": "/flaky"},
    {"topic": "raw", "route": "/raw", "metadata": {"rawPayload": "true"}},
    {"topic": "stormy", "route": "/stormy"},
    {"topic": "slow", "route": "/slow"},
    {"topic": "stuck", "route": "/stuck"},
    {"topic": "deadly", "route": "/deadly", "dead": "graves"},
    {"topic": "fatal", "route": "/fatal"},
    {"topic": "deadly-many", "route": "/many", "bulk": (10, 50), "dead": "graves"},
]
lock = threading.Lock()
seen = set()


def tell(path, data, **more):
    with lock:
        print(json.dumps({"path": path, "data": data, **more}), flush=True)


def verdict(path, data):
    """What the app says of a message."""
    if data == "poison" and path in ("/deadly", "/fatal"):
        os._exit(9)
    if path == "/slow":
        time.sleep(0.02)  # the work of a handler
    if path == "/stuck":
        with lock:
            first = data not in seen
            seen.add(data)
        if first:
            time.sleep(3600)
    if path == "/flaky":
        with lock:
            if data not in seen:
                seen.add(data)
                return "RETRY"
    return "DROP" if path == "/unwanted" else "SUCCESS"


class HTTPApp(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=None):
        encoded = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(encoded)))
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(encoded)

    def do_GET(self):
        if self.path != "/dapr/subscribe":
            return self.answer(404)
        time.sleep(THINKS)
        listed = []
        for one in SUBSCRIPTIONS:
            shown = {"pubsubname": "bus", "topic": one["topic"], "metadata": one.get("metadata", {})}
            if "rules" in one:
                shown["routes"] = {"rules": one["rules"], "default": one["default"]}
            else:
                shown["route"] = one["route"]
            if "dead" in one:
                shown["deadLetterTopic"] = one["dead"]
            if "bulk" in one:
                shown["bulkSubscribe"] = {"enabled": True, "maxMessagesCount": one["bulk"][0], "maxAwaitDurationMs": one["bulk"][1]}
            listed.append(shown)
        self.answer(200, listed)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        if self.path.startswith("/configuration/"):
            tell(self.path, json.dumps(body["items"]), id=body["id"])
            return self.answer(200)
        if self.path == "/many":
            entries = body["entries"]
            for entry in entries:
                tell(self.path, entry["event"]["data"], together=len(entries))
            if any(entry["event"]["data"] == "poison" for entry in entries):
                os._exit(9)
            return self.answer(200, {"statuses": [{"entryId": entry["entryId"], "status": "SUCCESS"} for entry in entries]})
        data = body.get("data", body.get("data_base64"))
        tell(self.path, data, content=self.headers["content-type"], pubsub=self.headers["pubsubname"])
        if self.path == "/failing":
            return self.answer(500)
        self.answer(200, {"status": verdict(self.path, data)})


class GRPCApp(services.AppCallbackServicer):
    def ListTopicSubscriptions(self, request, context):
        time.sleep(THINKS)
        result = messages.ListTopicSubscriptionsResponse()
        for one in SUBSCRIPTIONS:
            shown = result.subscriptions.add(
                pubsub_name="bus", topic=one["topic"], metadata=one.get("metadata", {}), dead_letter_topic=one.get("dead", ""))
            shown.routes.default = one.get("route", one.get("default", ""))
            for rule in one.get("rules", []):
                shown.routes.rules.add(**rule)
            if "bulk" in one:
                shown.bulk_subscribe.enabled = True
                shown.bulk_subscribe.max_messages_count, shown.bulk_subscribe.max_await_duration_ms = one["bulk"]
        return result

    def OnTopicEvent(self, request, context):
        data = request.data.decode()
        tell(request.path, data, type=request.type, pubsub=request.pubsub_name, topic=request.topic,
             extensions=json_format.MessageToDict(request.extensions))
        if request.path == "/failing":
            context.abort(grpc.StatusCode.INTERNAL, "as asked for")
        return messages.TopicEventResponse(status=verdict(request.path, data))


class Bulk(services.AppCallbackAlphaServicer):
    def OnBulkTopicEventAlpha1(self, request, context):
        for entry in request.entries:
            tell(request.path, entry.cloud_event.data.decode(), together=len(request.entries))
        if any(entry.cloud_event.data == b"poison" for entry in request.entries):
            os._exit(9)
        return messages.TopicEventBulkResponse(
            statuses=[{"entry_id": entry.entry_id, "status": "SUCCESS"} for entry in request.entries])


if PROTOCOL == "http":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), HTTPApp)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
else:
    server = grpc.server(futures.ThreadPoolExecutor(8))
    services.add_AppCallbackServicer_to_server(GRPCApp(), server)
    services.add_AppCallbackAlphaServicer_to_server(Bulk(), server)
    if PROTOCOL == "grpcs":
        key, certificate = (open(path, "rb").read() for path in sys.argv[3:5])
        port = server.add_secure_port(f"127.0.0.1:{PORT}", grpc.ssl_server_credentials([(key, certificate)]))
    else:
        port = server.add_insecure_port(f"127.0.0.1:{PORT}")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()
