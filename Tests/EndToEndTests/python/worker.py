"""An app on a real server of its wire: http and https (uvicorn), h2c (hypercorn), grpc and grpcs (grpcio). It has an input binding `way` and
subscribes to the topic `t` of `bus`.

Arguments: wire, port (0: any free one), files of a certificate and its key for TLS. Prints its port, and then a line of JSON when it begins with
an event and when it has done it. Of an event's text: "bad" is refused, "late" takes six seconds the first time, "slow" takes a twentieth of one.
"""

import asyncio
import json
import socket
import sys
import time

WIRE, PORT, FILES = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
seen = set()


def tell(step, text, **more):
    print(json.dumps({"step": step, "text": text, "time": time.monotonic(), **more}), flush=True)


def pause(text):
    is_new = text not in seen
    seen.add(text)
    return 6 if "late" in text and is_new else 0.05 if "slow" in text else 0


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    path, status, answer = scope["path"], 200, b""
    if path == "/dapr/subscribe":
        answer = b'[{"pubsubname": "bus", "topic": "t", "route": "/t"}]'
    elif scope["method"] == "POST" and path in ("/way", "/t"):
        text = body.decode()
        tell("begin", text, path=path, version=scope["http_version"], scheme=scope["scheme"])
        await asyncio.sleep(pause(text))
        status = 500 if "bad" in text else 200
        tell("end", text)
    elif path not in ("/healthz", "/way"):
        status = 404
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": answer})


def listening():
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", PORT))
    bound.listen(256)
    print(bound.getsockname()[1], flush=True)
    return bound


if WIRE in ("http", "https"):
    import uvicorn

    tls = {"ssl_certfile": FILES[0], "ssl_keyfile": FILES[1]} if WIRE == "https" else {}
    config = uvicorn.Config(app, log_level="warning", lifespan="off", **tls)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening()]))
elif WIRE == "h2c":
    import hypercorn.asyncio
    import hypercorn.config

    bound = listening()
    config = hypercorn.config.Config()
    config.bind = [f"fd://{bound.fileno()}"]
    asyncio.run(hypercorn.asyncio.serve(app, config))
else:
    from concurrent import futures

    import grpc
    from dapr.proto.runtime.v1 import appcallback_pb2 as messages, appcallback_pb2_grpc as services

    class Callback(services.AppCallbackServicer):
        def work(self, text, path, context):
            tell("begin", text, path=path, version="2", scheme=context.auth_context().get("transport_security_type", [b"none"])[0].decode())
            time.sleep(pause(text))
            tell("end", text)
            if "bad" in text:
                context.abort(grpc.StatusCode.INTERNAL, "as asked for")

        def ListTopicSubscriptions(self, request, context):
            return messages.ListTopicSubscriptionsResponse(subscriptions=[messages.TopicSubscription(pubsub_name="bus", topic="t")])

        def ListInputBindings(self, request, context):
            return messages.ListInputBindingsResponse(bindings=["way"])

        def OnTopicEvent(self, request, context):
            self.work(request.data.decode(), "/t", context)
            return messages.TopicEventResponse()

        def OnBindingEvent(self, request, context):
            self.work(request.data.decode(), "/way", context)
            return messages.BindingEventResponse()

    class Health(services.AppCallbackHealthCheckServicer):
        def HealthCheck(self, request, context):
            return messages.HealthCheckResponse()

    server = grpc.server(futures.ThreadPoolExecutor(64))
    services.add_AppCallbackServicer_to_server(Callback(), server)
    services.add_AppCallbackHealthCheckServicer_to_server(Health(), server)
    if WIRE == "grpcs":
        credentials = grpc.ssl_server_credentials([(open(FILES[1], "rb").read(), open(FILES[0], "rb").read())])
        port = server.add_secure_port(f"127.0.0.1:{PORT}", credentials)
    else:
        port = server.add_insecure_port(f"127.0.0.1:{PORT}")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()
