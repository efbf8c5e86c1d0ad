"""Calls the app `callee` over the gRPC API of a runtime in traces of its own: by InvokeService with the binary form of the trace,
and a method of the app's own with the fields of W3C. Argument: the port. Prints what came of it."""

import json
import sys

import grpc
from dapr.proto import api_service_v1, api_v1, common_v1
from google.protobuf.any_pb2 import Any

channel = grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}")
span = bytes.fromhex("00f067aa0ba902b7")
trace = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736")
binary = b"\0\0" + trace + b"\1" + span + b"\2\1"
answer = api_service_v1.DaprStub(channel).InvokeService(
    api_v1.InvokeServiceRequest(
        id="callee", message=common_v1.InvokeRequest(method="hello", data=Any(value=b"{}"), content_type="application/json")),
    metadata=(("grpc-trace-bin", binary), ("traceparent", "00-" + "1" * 32 + "-" + "2" * 16 + "-01")), timeout=10)
fields = json.loads(answer.data.value)["fields"]

other = "5bf92f3577b34da6a3ce929d0e0e4736"
echo = channel.unary_unary("/test.Echo/Unary", request_serializer=None, response_deserializer=None)
assert echo(b"x", metadata=(("dapr-app-id", "callee"), ("traceparent", f"00-{other}-{span.hex()}-01")), timeout=10) == b"x"
print(json.dumps({
    "invoked": {"trace": trace.hex(), "traceparent": fields["traceparent"]}, "proxied": {"trace": other},
}))
