"""Invokes output bindings with the Dapr SDK, and over HTTP. Arguments: ports of gRPC and HTTP, the folder of `files`.

Every difference from what is expected ends it with a traceback.
"""

import base64
import json
import os
import sys
import urllib.error
import urllib.request

import grpc
from dapr.clients import DaprClient
from dapr.conf import settings

GRPC, HTTP, FOLDER = sys.argv[1:4]
# The SDK waits for the sidecar there.
settings.DAPR_HTTP_PORT = HTTP


def post(name, body, method="POST"):
    """Status, headers, body."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{HTTP}/v1.0/bindings/{name}", json.dumps(body).encode(), {"content-type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def same(found, expected):
    assert found == expected, f"expected {expected!r}, found {found!r}"


def refused(call, code, *texts):
    try:
        call()
    except grpc.RpcError as error:
        same(error.code(), code)
        for text in texts:
            assert text in error.details(), f"{text!r} is not in {error.details()!r}"
        return
    raise AssertionError("it was not refused")


def files(dapr):
    def call(operation, data=b"", **metadata):
        return dapr.invoke_binding("files", operation, data, metadata)

    same(json.loads(call("create", b"hello, world", fileName="a/b.txt").data), {"fileName": "a/b.txt"})
    same(open(FOLDER + "/a/b.txt").read(), "hello, world")
    same(call("get", fileName="a/b.txt").data, b"hello, world")
    binary = bytes(range(256))
    call("create", base64.b64encode(binary), fileName="binary")
    same(call("get", fileName="binary").data, binary)
    named = json.loads(call("create", b"no name!").data)["fileName"]
    same(len(named), 36)
    same(sorted(json.loads(call("list").data)), sorted(f"{FOLDER}/{name}" for name in ["a/b.txt", "binary", named]))
    same(json.loads(call("list", fileName="a").data), [FOLDER + "/a/b.txt"])
    # No way out of the root.
    same(json.loads(call("create", b"x!", fileName="../../out").data), {"fileName": "out"})
    assert os.path.exists(FOLDER + "/out") and not os.path.exists(FOLDER + "/../out")
    os.symlink("/etc", FOLDER + "/etc")
    os.symlink("/etc/passwd", FOLDER + "/passwd")
    for name in ["etc/passwd", "passwd", "/etc/passwd/../passwd"]:
        refused(lambda: call("get", fileName=name), grpc.StatusCode.INTERNAL, "link")
    refused(lambda: call("create", b"x!", fileName="etc/new"), grpc.StatusCode.INTERNAL, "link")
    call("create", b"not there!", fileName="passwd")
    assert not os.path.islink(FOLDER + "/passwd") and "root:" in open("/etc/passwd").read()
    call("delete", fileName="a/b.txt")
    refused(lambda: call("get", fileName="a/b.txt"), grpc.StatusCode.INTERNAL, "error invoking output binding files", "a/b.txt")
    refused(lambda: call("get"), grpc.StatusCode.INTERNAL, "root folder")
    refused(lambda: call("destroy"), grpc.StatusCode.INTERNAL, "destroy", "create, get, list and delete")
    refused(lambda: dapr.invoke_binding("none", "create", b""), grpc.StatusCode.INTERNAL, "couldn't find output binding none")
    refused(lambda: dapr.invoke_binding("tick", "create", b""), grpc.StatusCode.INTERNAL, "couldn't find output binding tick")

    # Over HTTP the data are JSON; a text loses its quotes here.
    status, _, body = post("files", {"operation": "create", "data": "line 1\n\u00e4\U0001f600!", "metadata": {"fileName": "h"}})
    same((status, json.loads(body)), (200, {"fileName": "h"}))
    same(post("files", {"operation": "get", "metadata": {"fileName": "h"}}, "PUT")[2].decode(), "line 1\n\u00e4\U0001f600!")
    post("files", {"operation": "create", "data": {"a": [1.50, None]}, "metadata": {"fileName": "j"}})
    same(call("get", fileName="j").data, b'{"a":[1.5,null]}')
    same(post("files", {"operation": "delete", "metadata": {"fileName": "j"}})[0], 204)
    for name, body, code in [
        ("files", {"operation": "get", "metadata": {"fileName": "j"}}, "ERR_INVOKE_OUTPUT_BINDING"),
        ("files", {}, "ERR_INVOKE_OUTPUT_BINDING"), ("none", {"operation": "get"}, "ERR_INVOKE_OUTPUT_BINDING"),
    ]:
        status, _, answer = post(name, body)
        same((status, json.loads(answer)["errorCode"]), (500, code))
    status, _, answer = post("files", [1])
    same((status, json.loads(answer)["errorCode"]), (400, "ERR_MALFORMED_REQUEST"))


def redis(dapr):
    def call(operation, data=b"", **metadata):
        return dapr.invoke_binding("keys", operation, data, metadata)

    call("create", b"value \x00\xff", key="k")
    same(call("get", key="k").data, b"value \x00\xff")
    call("delete", key="k")
    same(call("get", key="k").data, b"")
    same([call("increment", key="n").data for _ in range(3)], [b"1", b"2", b"3"])
    same(call("increment", key="n", ttlInSeconds="100").data, b"4")
    same(call("get", key="n", delete="true").data, b"4")
    same(call("get", key="n").data, b"")
    refused(lambda: call("create", b"x"), grpc.StatusCode.INTERNAL, "key")
    refused(lambda: call("create", b"x", key="k", ttlInSeconds="soon"), grpc.StatusCode.INTERNAL, "ttlInSeconds")


def web(dapr):
    def call(operation, data=b"", **metadata):
        return dapr.invoke_binding("web", operation, data, metadata)

    for method in ["get", "post", "put", "patch", "delete", "options", "trace", "create"]:
        answer = call(method, b"body", path="/a/b?c=d", Accept="text/plain")
        same(answer.binding_metadata["statusCode"], "200")
        same(answer.binding_metadata["x-more"], "1, 2")
        shown = json.loads(answer.data)
        same(shown["method"], "POST" if method == "create" else method.upper())
        same(shown["path"], "/a/b?c=d")
        same(shown["body"], "body" if method in ["post", "put", "patch", "create"] else "")
        same(shown["headers"]["accept"], "text/plain")
        same(shown["headers"]["x-token"], "sesame")
    same(call("head").data, b"")
    refused(lambda: call("get", path="status/404"), grpc.StatusCode.INTERNAL, "404")
    same(call("get", path="status/404", errorIfNot2XX="false").binding_metadata["statusCode"], "404")
    refused(lambda: call("get", **{"X-Bad": "a\r\nb: c"}), grpc.StatusCode.INTERNAL, "control character")
    refused(lambda: dapr.invoke_binding("nobody", "get", b""), grpc.StatusCode.UNAVAILABLE, "nobody", "127.0.0.1")
    status, headers, body = post("web", {"operation": "post", "data": {"a": 1}, "metadata": {"path": "x"}})
    same((status, headers["metadata.statuscode"]), (200, "200"))
    same(json.loads(body)["body"], '{"a":1}')


def mail(dapr):
    def call(data=b"<b>Hi</b>", **metadata):
        return dapr.invoke_binding("mail", "create", data, metadata)

    call(emailTo="One <one@example.com>;two@example.com", emailCC="three@example.com", emailBCC="four@example.com", subject="Gr\u00fc\u00dfe \U0001f600" * 8)
    post("mail", {"operation": "create", "data": "a \"b\"\n", "metadata": {"subject": "over HTTP", "priority": "5"}})
    refused(lambda: call(emailTo="refused@example.com"), grpc.StatusCode.INTERNAL, "550", "may have been sent")
    refused(lambda: call(subject="a\r\nBcc: x@example.com"), grpc.StatusCode.INTERNAL, "control character")
    refused(lambda: call(priority="9"), grpc.StatusCode.INTERNAL, "priority")


with DaprClient(f"127.0.0.1:{GRPC}") as client:
    for part in sys.argv[4:]:
        globals()[part](client)
