"""Stores objects with the Dapr SDK and over HTTP. Arguments: ports of gRPC and HTTP, a file that says "from a file", what to try.

Every difference from what is expected ends it with a traceback.
"""

import base64
import json
import sys
import urllib.error
import urllib.request

import grpc
from dapr.clients import DaprClient
from dapr.conf import settings

GRPC, HTTP, FILE = sys.argv[1:4]
settings.DAPR_HTTP_PORT = HTTP


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


def post(name, body):
    request = urllib.request.Request(
        f"http://127.0.0.1:{HTTP}/v1.0/bindings/{name}", json.dumps(body).encode(), {"content-type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def fetch(url):
    # Not every resolver knows names below localhost.
    host = url.split("/")[2]
    request = urllib.request.Request(url.replace(host, "127.0.0.1:" + host.split(":")[1]), headers={"host": host})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def caller(dapr, name):
    return lambda operation, data=b"", **metadata: dapr.invoke_binding(name, operation, data, metadata)


def plain(dapr):
    call = caller(dapr, "plain")
    answer = call("create", b"hello, world", key="a.txt", **{"Content-Type": "text/x-greeting"})
    same(json.loads(answer.data)["versionID"], None)
    location = json.loads(answer.data)["location"]
    assert location.startswith("http://127.0.0.1:") and location.endswith("/plain/a.txt"), location
    same(answer.binding_metadata["key"], "a.txt")
    same(call("get", key="a.txt").data, b"hello, world")
    # Without a name it has a new one.
    answer = call("create", b"\x00\xff binary")
    named = answer.binding_metadata["key"]
    same(len(named), 36)
    same(call("get", key=named).data, b"\x00\xff binary")
    call("create", b"", key="empty")
    same(call("get", key="empty").data, b"")
    call("create", key="file", filePath=FILE)
    same(call("get", key="file").data, b"from a file")
    call("create", base64.b64encode(bytes(range(256))), key="decoded", decodeBase64="true")
    same(call("get", key="decoded").data, bytes(range(256)))
    same(base64.b64decode(call("get", key="decoded", encodeBase64="true").data), bytes(range(256)))
    # 3 MiB; a message has at most 4.
    big = bytes(range(256)) * (3 << 12)
    call("create", big, key="big")
    assert call("get", key="big").data == big
    # A URL that anybody may use, and not for anything else.
    url = json.loads(call("create", b"shared", key="s h/\u00e4.txt", presignTTL="15m", contentType="text/plain").data)["presignURL"]
    assert "X-Amz-Expires=900" in url, url
    status, body, headers = fetch(url)
    same((status, body, headers["content-type"]), (200, b"shared", "text/plain"))
    url = json.loads(call("presign", key="a.txt", presignTTL="1h").data)["presignURL"]
    same(fetch(url)[:2], (200, b"hello, world"))
    same(fetch(url)[2]["content-type"], "text/x-greeting")
    same(fetch(url.replace("a.txt", "big"))[0], 403)
    same(fetch(url.split("?")[0])[0], 403)
    for ttl in ["soon", "-1s", "0s", "169h", "1", "999999999999h"]:
        refused(lambda: call("presign", key="a.txt", presignTTL=ttl), grpc.StatusCode.INTERNAL, "presignTTL")
    refused(lambda: call("presign", key="a.txt"), grpc.StatusCode.INTERNAL, "presignTTL")
    call("delete", key="a.txt")
    refused(lambda: call("get", key="a.txt"), grpc.StatusCode.INTERNAL, "error invoking output binding plain", "object not found", "NoSuchKey", "404", "a.txt")
    # As S3 has it, what is not there is gone.
    call("delete", key="a.txt")
    # Over HTTP.
    status, headers, body = post("plain", {"operation": "create", "data": "line 1\n\u00e4", "metadata": {"key": "h"}})
    same((status, headers["metadata.key"], json.loads(body)["versionID"]), (200, "h", None))
    same(post("plain", {"operation": "get", "metadata": {"key": "h"}})[2].decode(), "line 1\n\u00e4")
    same(post("plain", {"operation": "delete", "metadata": {"key": "h"}})[0], 204)
    status, _, body = post("plain", {"operation": "get", "metadata": {"key": "h"}})
    same((status, json.loads(body)["errorCode"]), (500, "ERR_INVOKE_OUTPUT_BINDING"))


def keys(dapr):
    for name in ["plain", "hosted"]:
        call = caller(dapr, name)
        for key in [
            "\u00e4\u00f6\u00fc/\U0001f600", "a b", "a+b", "a//b", "/first", "last/", "a%20b", "a%2Fb", "q?x=y&z#f", "*'()!~-._", "a:b@c,d;e=f", "[x]{y}|\\^`\"<>$",
            "../up", "./x/../y", "a" * 300,
        ]:
            call("create", f"content of {key}".encode(), key="odd/" + key)
            same(call("get", key="odd/" + key).data.decode(), f"content of {key}")
            url = json.loads(call("presign", key="odd/" + key, presignTTL="1m").data)["presignURL"]
            same(fetch(url)[:2], (200, f"content of {key}".encode()))
            found = json.loads(call("list", json.dumps({"prefix": "odd/" + key}).encode()).data)
            assert "odd/" + key in [entry["Key"] for entry in found["Contents"]], (key, found)
            call("delete", key="odd/" + key)
            refused(lambda: call("get", key="odd/" + key), grpc.StatusCode.INTERNAL, "object not found")


def lists(dapr):
    call = caller(dapr, "plain")
    names = [f"many/{number:02}" for number in range(25)] + ["many/deep/1", "many/deep/2"]
    for name in names:
        call("create", name.encode(), key=name)
    found, marker, pages = [], "", 0
    while True:
        page = json.loads(call("list", json.dumps({"prefix": "many/", "maxResults": 10, "marker": marker}).encode()).data)
        same((page["MaxKeys"], page["Name"], page["Prefix"]), (10, "plain", "many/"))
        found += [entry["Key"] for entry in page["Contents"]]
        pages += 1
        if not page["IsTruncated"]:
            same(page["NextMarker"], None)
            break
        marker = page["NextMarker"]
    same((found, pages), (sorted(names), 3))
    entry = page["Contents"][-1]
    same((entry["Size"], entry["StorageClass"], entry["Owner"] is None or set(entry["Owner"]) == {"DisplayName", "ID"}), (len(entry["Key"]), "STANDARD", True))
    assert entry["ETag"].startswith('"') and entry["LastModified"].endswith("Z") and "." not in entry["LastModified"], entry
    page = json.loads(call("list", b'{"prefix": "many/", "delimiter": "/"}').data)
    same((page["CommonPrefixes"], page["Delimiter"], len(page["Contents"])), ([{"Prefix": "many/deep/"}], "/", 25))
    page = json.loads(call("list", b'{"prefix": "nothing/"}').data)
    same((page["Contents"], page["CommonPrefixes"], page["IsTruncated"], page["EncodingType"]), (None, None, False, None))
    same(len(json.loads(call("list").data)["Contents"]) >= 27, True)
    same(json.loads(call("list", b'{"maxResults": -1}').data)["MaxKeys"], 1000)
    status, _, body = post("plain", {"operation": "list", "data": {"prefix": "many/0", "maxResults": 3}})
    same((status, [entry["Key"] for entry in json.loads(body)["Contents"]]), (200, ["many/00", "many/01", "many/02"]))
    for data in [b"[]", b"{", b'{"maxResults": "many"}', b'{"maxResults": 1.5}']:
        refused(lambda: call("list", data), grpc.StatusCode.INTERNAL, "list" if data[:2] != b'{"' else "maxResults")


def versioned(dapr):
    call = caller(dapr, "versioned")
    first, second = (json.loads(call("create", text, key="v").data)["versionID"] for text in [b"1", b"2"])
    assert first and second and first != second
    same(call("get", key="v").data, b"2")


def base64_(dapr):
    call = caller(dapr, "base64")
    call("create", base64.b64encode(b"\x00\x01\x02"), key="coded")
    same(call("get", key="coded").data, base64.b64encode(b"\x00\x01\x02"))
    same(call("get", key="coded", encodeBase64="false").data, b"\x00\x01\x02")
    page = json.loads(call("list", b'{"prefix": "coded"}').data)
    same(page["Contents"][0]["StorageClass"], "STANDARD_IA")
    call("create", base64.b64encode(b"x"), key="coded", storageClass="GLACIER_IR")
    same(json.loads(call("list", b'{"prefix": "coded"}').data)["Contents"][0]["StorageClass"], "GLACIER_IR")
    refused(lambda: call("create", b"no base64!", key="coded"), grpc.StatusCode.INTERNAL, "decodeBase64")


def hosted(dapr):
    call = caller(dapr, "hosted")
    location = json.loads(call("create", b"by host", key="hosted").data)["location"]
    assert location.startswith("http://plain.localhost:"), location
    same(caller(dapr, "plain")("get", key="hosted").data, b"by host")
    same(caller(dapr, "environment")("get", key="hosted").data, b"by host")


def refusals(dapr):
    call = caller(dapr, "plain")
    for operation in ["get", "delete", "presign"]:
        refused(lambda: call(operation), grpc.StatusCode.INTERNAL, "key")
    refused(lambda: call("destroy", key="k"), grpc.StatusCode.INTERNAL, "destroy", "create, get, delete, list and presign")
    refused(lambda: call("create", key="k", filePath="/nowhere/at/all"), grpc.StatusCode.INTERNAL, "/nowhere/at/all")
    refused(lambda: call("create", key="k", filePath="/tmp"), grpc.StatusCode.INTERNAL, "/tmp")
    refused(lambda: call("create", b"x", key="k", contentType="a\r\nb: c"), grpc.StatusCode.INTERNAL, "control character")
    writer = caller(dapr, "writer")
    writer("create", b"x", key="by-writer")
    refused(lambda: writer("get", key="by-writer"), grpc.StatusCode.INTERNAL, "AccessDenied", "403", "accessKey")
    forged = caller(dapr, "forged")
    for operation in ["create", "get", "delete", "list"]:
        refused(lambda: forged(operation, key="k"), grpc.StatusCode.INTERNAL, "SignatureDoesNotMatch", "403", "secretKey")
    refused(lambda: caller(dapr, "stranger")("get", key="k"), grpc.StatusCode.INTERNAL, "InvalidAccessKeyId", "accessKey")
    refused(lambda: caller(dapr, "missing")("get", key="k"), grpc.StatusCode.INTERNAL, "NoSuchBucket", "nowhere")
    refused(lambda: caller(dapr, "missing")("list"), grpc.StatusCode.INTERNAL, "NoSuchBucket", "nowhere")
    refused(lambda: caller(dapr, "dead")("get", key="k"), grpc.StatusCode.UNAVAILABLE, "dead", "127.0.0.1")


with DaprClient(f"127.0.0.1:{GRPC}") as client:
    for part in sys.argv[4:]:
        globals().get(part + "_", globals()[part])(client)
