"""Calls an app over gRPC and prints how often each status came.

    governed_calls.py PORT KIND APP COUNT [SECONDS]

KIND is proxy (the app's own service, unary), stream (the same, three messages each way), or invoke (InvokeService of Dapr's SDK).
"""

import collections
import sys

import grpc
from dapr.proto import api_service_v1, api_v1, common_v1

port, kind, app, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
seconds = float(sys.argv[5]) if len(sys.argv) > 5 else 10
channel = grpc.insecure_channel(f"127.0.0.1:{port}")
stub = api_service_v1.DaprStub(channel)
counts = collections.Counter()
for index in range(count):
    try:
        if kind == "invoke":
            message = common_v1.InvokeRequest(method="a", http_extension=common_v1.HTTPExtension(verb="POST"))
            message.data.value = b"text"
            stub.InvokeService(api_v1.InvokeServiceRequest(id=app, message=message), timeout=seconds)
        elif kind == "proxy":
            answer = channel.unary_unary("/test.Echo/Unary")(b"%d" % index, metadata=(("dapr-app-id", app),), timeout=seconds)
            assert answer == b"%d" % index, answer
        else:
            answers = channel.stream_stream("/test.Echo/Chat")(iter([b"a", b"b", b"c"]), metadata=(("dapr-app-id", app),), timeout=seconds)
            assert list(answers) == [b"a", b"b", b"c"]
        counts["OK"] += 1
    except grpc.RpcError as error:
        counts[error.code().name] += 1
        details = error.details()
        trailers = dict(error.trailing_metadata() or ())
        if "retry-after" in trailers:
            counts["retry-after"] += 1
print(" ".join(f"{name}={number}" for name, number in sorted(counts.items())))
