"""Many keys in one request."""

import json

from model import Write
from table import case, rows


@rows("many keys are read in their order", [(f"parallelism {parallelism}", parallelism) for parallelism in (0, 1, 10, 1000)])
def many(bench, parallelism):
    keys = [bench.key(str(number)) for number in range(300)]
    bench.save_many([Write(key, b"%d" % number) for number, key in enumerate(keys)])
    asked = keys[::-1] + [bench.key("missing")] + keys[:3]
    items = bench.bulk_get(asked, parallelism=parallelism)
    assert [item.key for item in items] == asked
    wanted = [b"%d" % number for number in range(300)]
    assert [item.value for item in items] == wanted[::-1] + [None] + wanted[:3]
    assert not any(item.error for item in items)
    etags = "ETAG" in bench.features
    assert all(bool(item.etag) == (etags and item.value is not None) for item in items)


@case("no keys give no items")
def none(bench):
    assert bench.bulk_get([]) == []
    bench.save_many([])


@case("one key twice in one request: the last value stays")
def twice(bench):
    key = bench.key()
    bench.save_many([Write(key, b"1"), Write(bench.key("between"), b"1")])
    bench.save_many([Write(key, b"2")])
    assert [item.value for item in bench.bulk_get([key, key])] == [b"2", b"2"]


@case("a value of a megabyte among small ones")
def mixed(bench):
    large, small = bench.key("large"), bench.key("small")
    value = b'"' + b"x" * (1 << 20) + b'"'
    bench.save_many([Write(large, value), Write(small, b"1")])
    assert [item.value for item in bench.bulk_get([small, large, small])] == [b"1", value, b"1"]


@case("many are deleted, those that are not there too", wire="grpc")
def deleted(bench):
    keys = [bench.key(str(number)) for number in range(100)]
    bench.save_many([Write(key) for key in keys[::2]])
    bench.wire.delete_many("store", [Write(key) for key in keys])
    assert all(item.value is None for item in bench.bulk_get(keys))
    bench.wire.delete_many("store", [])


@case("the SDK's own methods for many", wire="grpc")
def sdk(bench):
    keys = [bench.key(str(number)) for number in range(20)]
    bench.wire.save_with_sdk("store", [Write(key, json.dumps(key).encode()) for key in keys])
    items = bench.wire.bulk_get_with_sdk("store", keys, 4)
    assert [item.value for item in items] == [json.dumps(key).encode() for key in keys]


@case("many clients at a time see their own writes")
def clients(bench):
    def client(number):
        for turn in range(10):
            key, value = bench.key(f"client {number}"), b"%d" % (number * 100 + turn)
            bench.save(key, value)
            bench.stays(key, value)

    assert bench.at_once([lambda number=number: client(number) for number in range(8)]) == [None] * 8
