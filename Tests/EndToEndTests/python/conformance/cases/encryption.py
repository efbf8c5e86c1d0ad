"""A component with encryption keys: its store keeps what nobody can read, apps notice nothing.

The keys and their names are those of the environment; Python's own AES-GCM looks at what is stored.
"""

import base64
import json
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from model import Refusal, Write
from refusals import NO_QUERIES, QUERY_FAILED, SAVE_MISMATCH
from table import case, rows

SEALED = "sealed"
PREFIX = "sealed||"
PRIMARY, SECONDARY = "KEY_OF_TODAY", "KEY_OF_YESTERDAY"
UNREADABLE = Refusal(("INTERNAL", "ERR_STATE_GET"), (500, "ERR_STATE_GET"))
BODY = '{"card":"4111 1111"}'


def cipher(name):
    return AESGCM(bytes.fromhex(os.environ[name]))


def sealed(plain, name, key=None):
    """A value as Dapr stores it."""
    nonce = os.urandom(12)
    return base64.b64encode(nonce + (key or cipher(name)).encrypt(nonce, plain, None)) + b"||" + name.encode()


def opened(stored):
    """The plain value of what is stored, and the name of its key."""
    text, name = stored.rsplit(b"||", 1)
    data = base64.b64decode(text, validate=True)
    return cipher(name.decode()).decrypt(data[:12], data[12:], None), name.decode()


def plant(bench, key, stored):
    bench.backing.put(SEALED, PREFIX + key, stored)


@rows("an encrypted value comes back", [
    ("an object", BODY.encode()), ("an empty text", b'""'), ("null", b"null"), ("not ASCII", '"ключ"'.encode()),
    ("two bars", b'"a||b"'), ("3 MB", b'"' + b"x" * 3_000_000 + b'"'),
])
def round_trip(bench, value):
    key = bench.key()
    bench.save(key, value, SEALED)
    assert bench.value(key, SEALED) == value and bench.other.get(SEALED, key).value == value
    [item] = bench.bulk_get([key], SEALED)
    assert (item.key, item.value, item.error) == (key, value, ""), item
    if bench.backing:
        assert opened(bench.backing.value(SEALED, PREFIX + key)) == (value, PRIMARY)
    bench.delete(key, SEALED)
    assert bench.value(key, SEALED) is None


@rows("bytes that are no JSON are encrypted, too", [("no bytes", b""), ("all bytes", bytes(range(256)))], wire="grpc")
def raw(bench, value):
    key = bench.key()
    bench.save(key, value, SEALED)
    assert bench.other.get(SEALED, key).value == value
    if bench.backing:
        assert opened(bench.backing.value(SEALED, PREFIX + key)) == (value, PRIMARY)


@case("the same value is stored in another way each time")
def fresh(bench):
    if not bench.backing:
        return
    key, seen = bench.key(), set()
    for _ in range(10):
        bench.save(key, b'"same"', SEALED)
        seen.add(bench.backing.value(SEALED, PREFIX + key))
    assert len(seen) == 10, seen


@case("many values are encrypted each for itself")
def many(bench):
    keys = [bench.key(str(number)) for number in range(20)]
    bench.save_many([Write(key, json.dumps(key).encode()) for key in keys], SEALED)
    items = bench.bulk_get([*keys, bench.key("none")], SEALED)
    assert [item.value for item in items] == [json.dumps(key).encode() for key in keys] + [None]
    if bench.backing:
        for key in keys:
            assert opened(bench.backing.value(SEALED, PREFIX + key)) == (json.dumps(key).encode(), PRIMARY)


@case("a transaction's values are encrypted", needs=("TRANSACTIONAL",))
def transaction(bench):
    one, gone = bench.key("one"), bench.key("gone")
    bench.save(gone, b"1", SEALED)
    bench.transact(("upsert", Write(one, BODY.encode())), ("delete", Write(gone)), store=SEALED)
    assert bench.value(one, SEALED) == BODY.encode() and bench.value(gone, SEALED) is None
    if bench.backing:
        assert opened(bench.backing.value(SEALED, PREFIX + one)) == (BODY.encode(), PRIMARY)


@case("etags are those of the stored value", needs=("ETAG",))
def etags(bench):
    key = bench.key()
    bench.save(key, b"1", SEALED)
    etag = bench.get(key, SEALED).etag
    bench.save(key, b"2", SEALED, etag=etag)
    with bench.refuses(SAVE_MISMATCH):
        bench.save(key, b"3", SEALED, etag=etag)
    assert bench.value(key, SEALED) == b"2"


@case("the time to live is the store's", needs=("TTL",))
def lifetime(bench):
    key = bench.key()
    bench.save(key, b"1", SEALED, metadata={"ttlInSeconds": "1"})
    bench.eventually(lambda: bench.value(key, SEALED) is None, "the end of a value that lives a second")


@case("what Dapr wrote is read, with the key of today and the one before")
def planted(bench):
    if not bench.backing:
        return
    for name in (PRIMARY, SECONDARY):
        key = bench.key(name)
        plant(bench, key, sealed(BODY.encode(), name))
        assert bench.value(key, SEALED) == BODY.encode()
        assert bench.bulk_get([key], SEALED)[0].value == BODY.encode()
        # Written again it has the key of today.
        bench.save(key, b"2", SEALED)
        assert opened(bench.backing.value(SEALED, PREFIX + key)) == (b"2", PRIMARY)


@rows("what can't be read is refused with its cause", [
    ("a key that nobody knows", lambda: sealed(b"1", "KEY_OF_OTHERS", AESGCM(b"k" * 32)), "key of secret KEY_OF_OTHERS"),
    ("another key of the name", lambda: sealed(b"1", PRIMARY, AESGCM(b"k" * 32)), "encrypted with another key of that name"),
    ("a value that was changed", lambda: b"AAAA" + sealed(b"1", PRIMARY)[4:], "has been changed since"),
    ("a value that was never encrypted", lambda: b'"plain"', "not written with encryption"),
])
def unreadable(bench, stored, says):
    if not bench.backing:
        return
    key, good = bench.key(), bench.key("good")
    plant(bench, key, stored())
    bench.save(good, b"1", SEALED)
    with bench.refuses(UNREADABLE, says):
        bench.get(key, SEALED)
    bad, fine = bench.bulk_get([key, good], SEALED)
    assert bad.value is None and says in bad.error, bad
    assert fine.value == b"1" and not fine.error, fine
    # A new value mends it.
    bench.save(key, b"2", SEALED)
    assert bench.value(key, SEALED) == b"2"


@case("a query finds nothing in what nobody can read", needs=("QUERY_API",))
def query(bench):
    with bench.refuses(QUERY_FAILED, "encrypted"):
        bench.wire.query(SEALED, '{"filter":{"EQ":{"a":1}}}')


@case("a query is refused for want of queries first", lacks="QUERY_API")
def no_query(bench):
    with bench.refuses(NO_QUERIES):
        bench.wire.query(SEALED, "{}")
