"""Values come back as they were saved, on either wire."""

import json

from model import Write
from refusals import TOO_LARGE
from table import case, rows

# JSON without white space between its parts: HTTP keeps it as it is written, and gRPC keeps all bytes.
DOCUMENTS = [
    ("an object", b'{"a":1,"b":[true,false,null],"c":{"d":"e"}}'),
    ("members in their order, and twice", b'{"z":1,"a":2,"z":3}'),
    ("an array", b'[1,"two",[3]]'),
    ("an empty object", b"{}"),
    ("an empty array", b"[]"),
    ("a text", b'"hello"'),
    ("an empty text", b'""'),
    ("a text with escapes", rb'"\" \\ \/ \b \u0041 \ud83d\ude00"'),
    ("a text that is not ASCII", '"ключ 日本語 😀"'.encode()),
    ("a text that HTML would read", b'"<a href=x>&amp;</a>"'),
    ("a text that looks like a number", b'"12"'),
    ("a number", b"42"),
    ("a negative number", b"-7"),
    ("a number with its last zero", b"12.50"),
    ("a number past 64 bits", b"123456789012345678901234567890"),
    ("a number with an exponent", b"1e-7"),
    ("true", b"true"),
    ("false", b"false"),
    ("null", b"null"),
    ("a text of 100 kB", b'"' + b"x" * 100_000 + b'"'),
    ("deep arrays", b"[" * 60 + b"]" * 60),
]

# What HTTP has no way to save.
BYTES = [
    ("no bytes", b""),
    ("a zero byte", b"\x00"),
    ("all bytes", bytes(range(256))),
    ("bytes that are no UTF-8", b"\xff\xfe\xc3\x28"),
    ("text that is no JSON", b"hello"),
    ("half a JSON document", b'{"a":'),
    ("line ends", b"\r\n\r\n$3\r\nfoo\r\n"),
    ("Base64", b"aGVsbG8="),
    ("spaces", b'  { "a" : 1 }  '),
    ("a megabyte", bytes(range(256)) * 4096),
]


@rows("a value is read as it was saved", DOCUMENTS)
def document(bench, value):
    key = bench.key()
    bench.save(key, value)
    bench.stays(key, value)
    assert bench.other.get("store", key).value == value
    [found] = bench.bulk_get([key])
    assert found.value == value and not found.error, found


@rows("a value that is saved over gRPC is the same on both wires", BYTES)
def raw(bench, value):
    key = bench.key()
    grpc, http = sorted((bench.wire, bench.other), key=lambda wire: wire.name)
    grpc.save("store", Write(key, value))
    found = grpc.raw_get("store", key)
    # Without an etag an empty value can't be told from a missing key over gRPC.
    assert (found.value or b"") == value, found
    found = http.get("store", key)
    assert found.value == value, found


@case("a value is replaced, also by a shorter and by an empty one")
def replaced(bench):
    key = bench.key()
    for value in (b'"a long value"', b"1", b'""', b'{"a":"longer again"}'):
        bench.save(key, value)
        bench.stays(key, value)


@case("a key that was never saved is missing")
def missing(bench):
    assert bench.get(bench.key()).value is None
    found = bench.get(bench.key())
    assert not found.etag and not found.metadata, found


@case("a value that is deleted is missing, on both wires")
def deleted(bench):
    key = bench.key()
    bench.save(key)
    bench.delete(key)
    assert bench.value(key) is None and bench.other.get("store", key).value is None
    bench.delete(key)
    bench.save(key, b"2")
    bench.stays(key, b"2")


@case("a request of exactly 4 MiB is taken, one byte more is refused and changes nothing")
def large(bench):
    key, limit = bench.key(), 4 << 20
    value = bench.wire.save_padded("store", key, limit)
    assert bench.value(key) == value
    with bench.refuses(TOO_LARGE):
        bench.wire.save_padded("store", key, limit + 1)
    assert bench.value(key) == value
    bench.delete(key)


@case("a refused request leaves the next one alone")
def after_refusal(bench):
    key = bench.key()
    for size in ((4 << 20) + 1, 8 << 20):
        with bench.refuses(TOO_LARGE):
            bench.wire.save_padded("store", key, size)
        bench.save(key, json.dumps(size).encode())
        bench.stays(key, json.dumps(size).encode())
