"""Who may use which API. Any failed assertion ends it with 1.

    api_access.py token TOKEN APP     nothing but health answers without the token, on every route and method; with it APP is called
    api_access.py denied WIRE APP     invocation is denied over WIRE and works over the other
"""

import base64
import http.client
import os
import sys

import grpc
from dapr.proto.runtime.v1 import dapr_pb2

HTTP, GRPC = int(os.environ["DAPR_HTTP_PORT"]), int(os.environ["DAPR_GRPC_PORT"])
channel = grpc.insecure_channel(f"127.0.0.1:{GRPC}")
basic = {"authorization": "Basic " + base64.b64encode(b"dapr-app-id:" + sys.argv[3].encode()).decode()}
CALLS = [
    ("POST", f"/v1.0/invoke/{sys.argv[3]}/method/a", {}), ("GET", "/a", {"dapr-app-id": sys.argv[3]}), ("GET", "/a", basic),
    ("GET", f"//v1.0/invoke/{sys.argv[3]}/method/a", {"dapr-app-id": sys.argv[3]}),
]
ROUTES = [
    ("GET", "/v1.0/state/statestore/a", {}), ("POST", "/v1.0/state/statestore", {}), ("POST", "/v1.0/state/statestore/transaction", {}),
    ("POST", "/v1.0-alpha1/state/statestore/query", {}), ("GET", "/v1.0/secrets/store/a", {}), ("GET", "/v1.0/secrets/store/bulk", {}),
    ("POST", "/v1.0/publish/pubsub/a", {}), ("POST", "/v1.0-alpha1/publish/bulk/pubsub/a", {}), ("POST", "/v1.0-alpha1/lock/store", {}),
    ("POST", "/v1.0-alpha1/unlock/store", {}), ("GET", "/v1.0/configuration/store", {}), ("PUT", "/v1.0-alpha1/crypto/c/encrypt", {}),
    ("POST", "/v1.0-alpha1/subtlecrypto/c/sign", {}), ("POST", "/v1.0/bindings/b", {}), ("GET", "/v1.0/metadata", {}),
    ("PUT", "/v1.0/metadata/a", {}), ("POST", "/v1.0/shutdown", {}), ("GET", "/nothing", {}), ("GET", "/v1.0//metadata", {}),
    ("GET", "/v1.0/healthz/../metadata", {}), ("GET", "/v1.0/healthz/outbound/../../metadata", {}), ("POST", "/v1.0/healthz", {}),
    ("GET", "/%76%31.0/metadata", {}),
]


def ask(method, path, fields):
    connection = http.client.HTTPConnection("127.0.0.1", HTTP, timeout=20)
    connection.request(method, path, b"{}" if method != "GET" else None, fields)
    answer = connection.getresponse()
    return answer.status, answer.read()


def code(path, metadata, request=b""):
    try:
        for _ in channel.unary_stream(path)(request, metadata=metadata, timeout=20):
            break
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def token(right, app):
    for method, path, fields in CALLS + ROUTES:
        for shown in (None, "", "wrong", right + "x", right[:-1]):
            status, body = ask(method, path, fields if shown is None else {**fields, "dapr-api-token": shown})
            assert status == 401, (method, path, shown, status, body)
    for path in ("/v1.0/healthz", "/v1.0/healthz/outbound"):
        assert ask("GET", path, {})[0] == 204, path
    for method, path, fields in CALLS[:3]:
        status, body = ask(method, path, {**fields, "dapr-api-token": right})
        assert status == 200 and right.encode() not in body, (path, status, body)
    service = dapr_pb2.DESCRIPTOR.services_by_name["Dapr"]
    paths = [f"/{service.full_name}/{method.name}" for method in service.methods]
    assert len(paths) > 40, paths
    for path in paths + ["/test.Echo/Unary", "/dapr.proto.runtime.v1.Dapr/NoSuch"]:
        for metadata in ((), (("dapr-api-token", "wrong"),)):
            found = code(path, metadata + (("dapr-app-id", app),))
            assert found == grpc.StatusCode.UNAUTHENTICATED, (path, metadata, found)
    assert code("/dapr.proto.runtime.v1.Dapr/GetMetadata", (("dapr-api-token", right),)) == grpc.StatusCode.OK


def denied(wire, app):
    from dapr.proto import api_v1, common_v1

    request = api_v1.InvokeServiceRequest(
        id=app, message=common_v1.InvokeRequest(method="a", http_extension=common_v1.HTTPExtension(verb=common_v1.HTTPExtension.GET)))
    found = code("/dapr.proto.runtime.v1.Dapr/InvokeService", (), request.SerializeToString())
    assert (found == grpc.StatusCode.OK) == (wire == "http"), found
    for method, path, fields in CALLS[:3]:
        status, body = ask(method, path, fields)
        assert status == (404 if wire == "http" else 200), (path, status, body)
    if wire == "grpc":
        assert code("/test.Echo/Unary", (("dapr-app-id", app),)) == grpc.StatusCode.UNIMPLEMENTED


{"token": token, "denied": denied}[sys.argv[1]](*sys.argv[2:4])
