"""Calls of apps by name, as the unmodified Dapr SDK, gRPC and plain HTTP make them. Any failed assertion ends it with 1.

    invoke.py http APP        an app that speaks HTTP
    invoke.py grpc APP        one that speaks gRPC
"""

import http.client
import json
import os
import sys
import time
import warnings

import grpc
from dapr.clients import DaprClient

warnings.simplefilter("ignore")
WHAT, APP = sys.argv[1:3]
HTTP, GRPC = int(os.environ["DAPR_HTTP_PORT"]), int(os.environ["DAPR_GRPC_PORT"])


def ask(method, path, body=None, fields=None):
    connection = http.client.HTTPConnection("127.0.0.1", HTTP, timeout=30)
    connection.request(method, path, body, fields or {})
    answer = connection.getresponse()
    return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}


def told(method, path, body=None, fields=None):
    status, body, _ = ask(method, path, body, fields)
    assert status == 200, (status, body)
    return json.loads(body)


def verbs():
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        body = None if method in ("GET", "OPTIONS") else f"of {method}"
        for path, fields in ((f"/v1.0/invoke/{APP}/method/a/b?x=1&y=%20", {}), ("/a/b?x=1&y=%20", {"dapr-app-id": APP})):
            seen = told(method, path, body, fields)
            assert (seen["method"], seen["path"], seen["body"]) == (method, "/a/b?x=1&y=%20", body or ""), seen
    status, body, fields = ask("HEAD", f"/v1.0/invoke/{APP}/method/a")
    assert status == 200 and body == b"" and fields["x-app"] == "yes", (status, body, fields)


def fields():
    seen = told("POST", f"/v1.0/invoke/{APP}/method/a", "x", {
        "X-Mine": "kept", "Connection": "X-Hop", "X-Hop": "gone", "Keep-Alive": "1", "TE": "trailers", "dapr-caller-app-id": "liar",
        "dapr-api-token": "of the caller", "Content-Type": "text/x; charset=utf-8", "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"})
    seen = seen["fields"]
    assert seen["x-mine"] == "kept" and seen["content-type"] == "text/x; charset=utf-8", seen
    assert seen["traceparent"].startswith("00-" + "a" * 32), seen
    assert seen["dapr-caller-app-id"] == "caller" and seen["dapr-callee-app-id"] == APP, seen
    for name in ("x-hop", "te", "keep-alive", "octavo-wire"):
        assert name not in seen, (name, seen)
    # The callee's own token, never the caller's.
    assert seen.get("dapr-api-token") == "app-secret", seen
    assert seen["x-forwarded-for"] == "127.0.0.1" and "x-forwarded-host" in seen and seen["forwarded"].startswith("for="), seen


def statuses():
    for status in (200, 201, 204, 299, 302, 400, 404, 418, 500, 503):
        got, body, fields = ask("GET", f"/v1.0/invoke/{APP}/method/a", fields={"x-status": str(status)})
        assert got == status and fields.get("x-app") == "yes", (status, got, body)


def refusals():
    table = [
        (f"/v1.0/invoke/{APP}/method/a/../../b", 200, "/b"), (f"/v1.0/invoke/{APP}/method//a///b/./c", 200, "/a/b/c"),
        (f"/v1.0/invoke/{APP}/method/a%2f..%2fb", 400, "%2f"), (f"/v1.0/invoke/{APP}/method/%2e%2e/b", 400, "%2e"),
        (f"/v1.0/invoke/{APP}/method/a%5Cb", 400, "%5c"), (f"/v1.0/invoke/{APP}/method/a\\b", 400, "\\"),
        (f"/v1.0/invoke/{APP}/method", 200, "/"), (f"/v1.0/invoke/{APP}/method/", 200, "/"),
        ("/v1.0/invoke/nobody/method/a", 500, "nobody"), ("/v1.0/invoke//method/a", 404, "app id"),
        (f"/v1.0/invoke/{APP}", 404, "app id"), (f"/v1.0/invoke/{APP}/other/a", 404, "app id"), ("/v1.0/invoke/a.b.c/method/a", 400, "a.b.c"),
        ("/v1.0/invoke/a%zz/method/a", 400, "escape"), ("/v1.0/invoke/http:%2F%2F@/method/a", 400, "URL"),
        (f"/v1.0/invoke/{APP}.elsewhere/method/a", 500, "elsewhere"), ("/nothing", 404, "dapr-app-id"),
    ]
    for path, status, word in table:
        got, body, _ = ask("GET", path)
        assert got == status, (path, got, body)
        if status == 200:
            assert json.loads(body)["path"] == word, (path, body)
        else:
            error = json.loads(body)
            assert error["errorCode"] == "ERR_DIRECT_INVOKE" and word in error["message"], (path, error)


def streams():
    # More than anybody keeps, both ways.
    size = 64 << 20

    def parts():
        for _ in range(size >> 16):
            yield b"y" * 65536

    connection = http.client.HTTPConnection("127.0.0.1", HTTP, timeout=60)
    connection.request("POST", f"/v1.0/invoke/{APP}/method/count", parts(), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 200 and answer.read() == b"%d" % size
    connection.request("POST", f"/v1.0/invoke/{APP}/method/count", b"z" * (8 << 20))
    assert connection.getresponse().read() == b"%d" % (8 << 20)
    status, body, _ = ask("GET", f"/v1.0/invoke/{APP}/method/stream/{size >> 16}")
    assert status == 200 and len(body) == size, (status, len(body))
    # Events come one by one.
    connection.request("GET", f"/v1.0/invoke/{APP}/method/sse/3", headers={"accept": "text/event-stream"})
    answer = connection.getresponse()
    began, times = time.monotonic(), []
    while line := answer.readline():
        if line.startswith(b"data:"):
            times.append(time.monotonic() - began)
    assert len(times) == 3 and times[2] - times[0] > 0.2, times
    # A cut answer is no whole one: it is cut here, too, or an error when none of it has gone out yet.
    try:
        status, body, _ = ask("GET", f"/v1.0/invoke/{APP}/method/break")
    except (http.client.IncompleteRead, ConnectionError):
        pass
    else:
        assert status == 500 and json.loads(body)["errorCode"] == "ERR_DIRECT_INVOKE", (status, body)


def sdk():
    with DaprClient() as client:
        answer = client.invoke_method(APP, "meth", data=b"zz", content_type="text/plain", http_verb="PUT", http_querystring=[("q", "1")])
        seen = json.loads(answer.data)
        assert (seen["method"], seen["path"], seen["body"]) == ("PUT", "/meth?q=1", "zz"), seen
    os.environ["DAPR_API_METHOD_INVOCATION_PROTOCOL"] = "grpc"
    from dapr.conf import settings
    settings.DAPR_API_METHOD_INVOCATION_PROTOCOL = "grpc"
    with DaprClient() as client:
        answer = client.invoke_method(APP, "meth", data=b"zz", content_type="text/plain", http_verb="PUT", http_querystring=[("q", "1")])
        seen = json.loads(answer.data)
        assert (seen["method"], seen["path"], seen["body"]) == ("PUT", "/meth?q=1", "zz"), seen
        assert answer.headers["dapr-http-status"] == ["200"] and answer.headers["x-app"] == ["yes"], answer.headers
        for status, code in ((404, grpc.StatusCode.NOT_FOUND), (400, grpc.StatusCode.INTERNAL), (409, grpc.StatusCode.ALREADY_EXISTS)):
            try:
                client.invoke_method(APP, "meth", data=b"", http_verb="POST", metadata=(("x-status", str(status)),))
            except grpc.RpcError as error:
                assert error.code() == code, error
            else:
                raise AssertionError(f"status {status} is no error")
        try:
            client.invoke_method("nobody", "meth", data=b"")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE and "nobody" in error.details(), error


def grpc_app():
    seen = told("PUT", f"/v1.0/invoke/{APP}/method/meth?q=1", "body", {"content-type": "text/x", "x-mine": "m", "user-agent": "u"})
    assert (seen["method"], seen["query"], seen["verb"], seen["type"], seen["body"]) == ("meth", "q=1", 4, "text/x", "body"), seen
    assert seen["fields"]["x-mine"] == "m" and seen["fields"]["dapr-user-agent"] == "u", seen
    assert seen["fields"]["dapr-caller-app-id"] == "caller" and seen["fields"]["dapr-api-token"] == "app-secret", seen
    status, body, fields = ask("POST", f"/v1.0/invoke/{APP}/method/refuse", "x")
    error = json.loads(body)
    assert status == 400 and error["code"] == 9 and error["message"] == "not today: ä" and "octavo-grpc-status" not in fields, (status, body, fields)
    from dapr.conf import settings
    settings.DAPR_API_METHOD_INVOCATION_PROTOCOL = "grpc"
    with DaprClient() as client:
        answer = client.invoke_method(APP, "meth", data=b"zz", content_type="text/plain")
        assert json.loads(answer.data)["body"] == "zz" and answer.headers["x-app"] == ["yes"], answer.headers
        try:
            client.invoke_method(APP, "refuse", data=b"")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.FAILED_PRECONDITION and error.details() == "not today: ä", error
        else:
            raise AssertionError("a refusal is no error")


def proxy():
    channel = grpc.insecure_channel(f"127.0.0.1:{GRPC}")
    metadata = (("dapr-app-id", APP),)
    unary, many = channel.unary_unary("/test.Echo/Unary"), channel.unary_stream("/test.Echo/Many")
    total, chat = channel.stream_unary("/test.Echo/Total"), channel.stream_stream("/test.Echo/Chat")
    for size in (0, 1, 1000, 3_000_000):
        reply, call = unary.with_call(b"x" * size, metadata=metadata, timeout=20)
        assert reply == b"x" * size
    first, last = dict(call.initial_metadata()), dict(call.trailing_metadata())
    assert first["x-callee"] == APP and first["x-caller"] == "caller", first
    assert 15 < float(last["x-left"]) <= 20 and last["x-token"] == "app-secret", last
    try:
        unary(b"fail", metadata=metadata)
    except grpc.RpcError as error:
        last = dict(error.trailing_metadata())
        assert error.code() == grpc.StatusCode.NOT_FOUND and error.details() == "no such thing", error
        assert last["x-trailer"] == "t" and last["x-bytes-bin"] == b"\0\1", last
    assert [int(x) for x in many(b"5000", metadata=metadata)] == list(range(5000))
    assert total((b"z" * 1000 for _ in range(3000)), metadata=metadata) == b"3000000"
    # One answer for each question, before the next is asked.
    import queue
    questions = queue.Queue()
    answers = chat(iter(questions.get, None), metadata=metadata)
    for index in range(200):
        questions.put(b"q%d" % index)
        assert next(answers) == b"Q%d" % index
    questions.put(None)
    assert list(answers) == []
    # What nobody wants any more ends there, too.
    endless = many(b"1000000000", metadata=metadata)
    next(endless)
    endless.cancel()
    for wanted, fields in ((grpc.StatusCode.UNAVAILABLE, (("dapr-app-id", "nobody"),)), (grpc.StatusCode.UNIMPLEMENTED, ())):
        try:
            unary(b"x", metadata=fields)
        except grpc.RpcError as error:
            assert error.code() == wanted, error
        else:
            raise AssertionError(f"a call with {fields} was answered")
    try:
        channel.unary_unary("/test.Echo/None")(b"", metadata=metadata)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error


for part in {"http": (verbs, fields, statuses, refusals, streams, sdk), "grpc": (grpc_app, proxy)}[WHAT]:
    part()
    print(part.__name__)
