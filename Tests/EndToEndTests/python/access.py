"""Calls that the callee's access control allows and denies, as gRPC makes them. Any failed assertion ends it with 1.

    access.py http|grpc APP
"""

import os
import sys

import grpc
from dapr.proto import api_service_v1, api_v1, common_v1
from google.protobuf.any_pb2 import Any

WHAT, APP = sys.argv[1:3]
channel = grpc.insecure_channel(f"127.0.0.1:{os.environ['DAPR_GRPC_PORT']}")
api = api_service_v1.DaprStub(channel)


def invoke(method, verb):
    message = common_v1.InvokeRequest(method=method, data=Any(value=b"x"), http_extension=common_v1.HTTPExtension(verb=verb))
    return api.InvokeService(api_v1.InvokeServiceRequest(id=APP, message=message), timeout=20)


def denied(call, words):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED, error
        assert words in str(error), error
    else:
        raise AssertionError("it was allowed")


if WHAT == "http":
    assert invoke("a/x", common_v1.HTTPExtension.GET).data.value
    denied(lambda: invoke("a/x", common_v1.HTTPExtension.POST), "access control policy has denied access to appid: caller operation: /a/x verb: POST")
    denied(lambda: invoke("a/../secret", common_v1.HTTPExtension.GET), "operation: /secret verb: GET")
else:
    metadata = (("dapr-app-id", APP),)
    unary = channel.unary_unary("/test.Echo/Unary")
    assert unary(b"hello", metadata=metadata, timeout=20) == b"hello"
    many = channel.unary_stream("/test.Echo/Many")
    denied(lambda: list(many(b"3", metadata=metadata, timeout=20)), "operation: /test.Echo/Many")
    # Of a gRPC app verbs say nothing.
    assert invoke("a/x", common_v1.HTTPExtension.POST).data.value
    denied(lambda: invoke("A/x", common_v1.HTTPExtension.POST), "operation: /A/x")
