"""What HTTP alone has: JSON bodies, statuses, headers."""

import base64
import json

from model import Write
from refusals import MALFORMED
from table import case, rows

JSON = "application/json"


def path(key=""):
    return "/v1.0/state/store" + ("/" + key if key else "")


@rows("white space between the parts of a value is dropped, and nothing else", [
    ("blanks", b'{ "a" : [ 1 , 2 ] , "b c" : " d " }', b'{"a":[1,2],"b c":" d "}'),
    ("line ends and tabs", b'[\r\n\t1.0,\n\t"\\n"\r\n]', b'[1.0,"\\n"]'),
], wire="http")
def compact(bench, written, stored):
    key = bench.key()
    body = b'[{"key":"%s","value": %s }]' % (key.encode(), written)
    assert bench.wire.send("POST", path(), body).status == 204
    bench.stays(key, stored)
    assert bench.other.get("store", key).value == stored


@case("every value is application/json, whatever was said when saving", wire="http")
def content_type(bench):
    key = bench.key()
    body = b'[{"key":"%s","value":"text","metadata":{"contentType":"text/plain"}}]' % key.encode()
    for sent in (JSON, "text/plain", "application/octet-stream", JSON + "; charset=utf-8"):
        assert bench.wire.send("POST", path(), body, {"content-type": sent}).status == 204, sent
    answer = bench.wire.send("GET", path(key))
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b'"text"', JSON), answer.headers
    assert answer.headers["content-length"] == "6"
    bench.other.save("store", Write(key, b"\x00\xff", metadata={"contentType": "application/octet-stream"}))
    answer = bench.wire.send("GET", path(key))
    assert (answer.body, answer.headers["content-type"]) == (b"\x00\xff", JSON), answer.headers


@case("success without a value is 204, without a body and its headers", wire="http")
def no_content(bench):
    body = b'[{"key":"%s","value":1}]' % bench.key().encode()
    for method, where, sent in (
        ("POST", path(), body), ("PUT", path(), body), ("POST", path(), b"[]"), ("GET", path(bench.key("none")), None),
        ("DELETE", path(bench.key()), None), ("DELETE", path(bench.key("none")), None),
    ):
        answer = bench.wire.send(method, where, sent)
        assert answer.status == 204 and answer.body == b"", (method, where, answer.status, answer.body)
        assert "content-type" not in answer.headers and "content-length" not in answer.headers, answer.headers


@case("the etag is a header, as the store gave it", needs=("ETAG",), wire="http")
def etag_header(bench):
    key = bench.key()
    bench.save(key)
    answer = bench.wire.send("GET", path(key))
    assert answer.headers["etag"] == bench.other.get("store", key).etag


# What is not JSON can't stand in a JSON reply as it is.
@rows("in a bulk reply a value that is no JSON is Base64 in quotes", [
    ("all bytes", bytes(range(256))), ("words", b"hello"), ("half a document", b'{"a":'), ("two documents", b"1 2"),
], wire="http")
def bulk_bytes(bench, value):
    key = bench.key()
    bench.other.save("store", Write(key, value))
    [item] = bench.bulk_get([key])
    assert item.value == b'"' + base64.b64encode(value) + b'"', item


@case("an item has no more members than it needs", wire="http")
def members(bench):
    key = bench.key()
    bench.save(key)
    body = json.dumps({"keys": [bench.key("none"), key]})
    found = json.loads(bench.wire.send("POST", path("bulk"), body).body)
    assert found[0] == {"key": bench.key("none")}, found
    assert set(found[1]) == {"key", "data"} | ({"etag"} if "ETAG" in bench.features else set()), found


@case("an item without a value is saved as null", wire="http")
def no_value(bench):
    key = bench.key()
    assert bench.wire.send("POST", path(), b'[{"key":"%s"}]' % key.encode()).status == 204
    bench.stays(key, b"null")


@case("members that nobody knows are passed over, names may be escaped", wire="http")
def tolerant(bench):
    key = bench.key()
    body = rb'[{"zzz":{"a":[1]},"\u006bey":"%s","value":1,"etag":null,"metadata":null,"options":null}]' % key.encode()
    assert bench.wire.send("POST", path(), body).status == 204
    bench.stays(key, b"1")
    assert bench.wire.send("POST", path(), b"null").status == 204


MALFORMED_BODIES = [
    ("nothing", "", b""), ("no JSON", "", b"nonsense"), ("an object", "", b'{"key":"a"}'), ("half an array", "", b'[{"key":"a"'),
    ("more than one document", "", b"[] []"), ("a number as key", "", b'[{"key":1,"value":1}]'), ("a list of numbers", "", b"[1]"),
    ("a comma too many", "", b'[{"key":"a","value":1},]'), ("a value that is none", "", b'[{"key":"a","value":nil}]'),
    ("a number with a leading zero", "", b'[{"key":"a","value":01}]'), ("a bare line end in a text", "", b'[{"key":"a","value":"\n"}]'),
    ("bytes that are no UTF-8", "", b'[{"key":"a","value":"\xff"}]'), ("arrays without end", "", b"[" * 100_000),
    ("keys that are no array", "bulk", b'{"keys":"a"}'), ("keys that are no texts", "bulk", b'{"keys":[1]}'),
    ("parallelism that is no number", "bulk", b'{"keys":["a"],"parallelism":"x"}'), ("an array", "bulk", b"[]"),
]


@rows("a malformed body is refused", MALFORMED_BODIES, wire="http")
def malformed(bench, where, body):
    answer = bench.wire.send("POST", path(where), body, {"content-type": JSON})
    error = json.loads(answer.body)
    assert (answer.status, error["errorCode"]) == MALFORMED.http, (answer.status, error)
    assert error["message"].startswith("failed deserializing HTTP body: "), error
    assert answer.headers["content-type"] == JSON


@rows("a malformed transaction is refused", [
    ("no JSON", b"nonsense"), ("operations that are no array", b'{"operations":{}}'),
    ("an operation that is no object", b'{"operations":[1]}'), ("a request that is none", b'{"operations":[{"operation":"upsert","request":1}]}'),
], needs=("TRANSACTIONAL",), wire="http")
def malformed_transaction(bench, body):
    answer = bench.wire.send("POST", path("transaction"), body)
    assert (answer.status, json.loads(answer.body)["errorCode"]) == MALFORMED.http, (answer.status, answer.body)


@case("a reply to HEAD or another method is a plain refusal", wire="http")
def methods(bench):
    for method in ("PATCH", "OPTIONS"):
        answer = bench.wire.send(method, path(bench.key()))
        assert answer.status == 404 and json.loads(answer.body)["errorCode"] == "ERR_DIRECT_INVOKE", (method, answer.status)
