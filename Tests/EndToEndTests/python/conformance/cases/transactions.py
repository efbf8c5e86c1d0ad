"""All writes of a transaction, or none."""

from model import Write
from refusals import NO_TRANSACTIONS, TRANSACTION_FAILED, UNKNOWN_OPERATION
from table import case, rows

TRANSACTIONAL = ("TRANSACTIONAL",)
WITH_ETAG = ("TRANSACTIONAL", "ETAG")
FOREIGN = "424242"


@case("saves and deletes together", needs=TRANSACTIONAL)
def mixed(bench):
    one, two, old, none = (bench.key(name) for name in ("one", "two", "old", "none"))
    bench.save(old)
    bench.transact(
        ("upsert", Write(one, b'{"a":1}')), ("delete", Write(old)), ("upsert", Write(two, b"2")), ("delete", Write(none))
    )
    assert [item.value for item in bench.bulk_get([one, two, old, none])] == [b'{"a":1}', b"2", None, None]


@case("nothing at all", needs=TRANSACTIONAL)
def nothing(bench):
    bench.transact()


@case("later operations see earlier ones", needs=TRANSACTIONAL)
def order(bench):
    key, other = bench.key(), bench.key("other")
    bench.save(other)
    bench.transact(
        ("upsert", Write(key, b"1")), ("upsert", Write(key, b"2")), ("delete", Write(other)), ("upsert", Write(other, b"3"))
    )
    bench.stays(key, b"2")
    bench.stays(other, b"3")
    bench.transact(("upsert", Write(key, b"4")), ("delete", Write(key)))
    bench.stays(key, None)


@case("a hundred operations", needs=TRANSACTIONAL)
def many(bench):
    keys = [bench.key(str(number)) for number in range(100)]
    bench.transact(*(("upsert", Write(key, b"%d" % number)) for number, key in enumerate(keys)))
    assert [item.value for item in bench.bulk_get(keys)] == [b"%d" % number for number in range(100)]
    bench.transact(*(("delete", Write(key)) for key in keys))
    assert all(item.value is None for item in bench.bulk_get(keys))


# Name, operation that can't be done, where it stands.
FAILING = [
    ("a save with a foreign etag", "upsert", {"etag": FOREIGN}),
    ("a delete with a foreign etag", "delete", {"etag": FOREIGN}),
    ("a first write over a value", "upsert", {"concurrency": "first-write"}),
]


@rows("one operation that can't be done undoes all", [
    (f"{name}, at place {place}", word, options, place) for name, word, options in FAILING for place in (0, 2, 4)
], needs=WITH_ETAG)
def atomic(bench, word, options, place):
    keys = [bench.key(str(number)) for number in range(5)]
    bench.save_many([Write(key, b'"old"') for key in keys[:4]])
    operations = [("upsert", Write(key, b'"new"')) for key in keys]
    operations[1] = ("delete", Write(keys[1]))
    stored = keys[place] if place < 4 else keys[3]
    operations[place] = (word, Write(stored, b'"new"', **options))
    etags = [item.etag for item in bench.bulk_get(keys)]
    with bench.refuses(TRANSACTION_FAILED):
        bench.transact(*operations)
    items = bench.bulk_get(keys)
    assert [item.value for item in items] == [b'"old"'] * 4 + [None], items
    assert [item.etag for item in items] == etags


@case("the right etags are taken", needs=WITH_ETAG)
def etags(bench):
    keys = [bench.key("saved"), bench.key("deleted"), bench.key("first")]
    bench.save_many([Write(key, b"1") for key in keys[:2]])
    saved, deleted, _ = (item.etag for item in bench.bulk_get(keys))
    bench.transact(
        ("upsert", Write(keys[0], b"2", etag=saved)), ("delete", Write(keys[1], etag=deleted)),
        ("upsert", Write(keys[2], b"3", concurrency="first-write")), ("upsert", Write(keys[2], b"4", etag="")),
    )
    items = bench.bulk_get(keys)
    assert [item.value for item in items] == [b"2", None, b"4"], items
    assert items[0].etag and items[0].etag != saved


@case("of many transactions over the same etags one wins, whole", needs=WITH_ETAG)
def race(bench):
    left, right = bench.key("left"), bench.key("right")
    bench.save_many([Write(left, b'"start"'), Write(right, b'"start"')])
    etags = [item.etag for item in bench.bulk_get([left, right])]

    def attempt(number):
        value = b"%d" % number
        bench.transact(("upsert", Write(left, value, etag=etags[0])), ("upsert", Write(right, value, etag=etags[1])))

    outcomes = bench.at_once([lambda number=number: attempt(number) for number in range(6)])
    assert outcomes.count(None) == 1, outcomes
    winner = b"%d" % outcomes.index(None)
    assert [item.value for item in bench.bulk_get([left, right])] == [winner, winner]


@case("an unknown operation is refused, and nothing is done", needs=TRANSACTIONAL)
def unknown(bench):
    key = bench.key()
    for word in ("patch", "UPSERT", ""):
        with bench.refuses(UNKNOWN_OPERATION, f"operation type {word} not supported"):
            bench.transact(("upsert", Write(key, b"1")), (word, Write(key, b"2")))
    bench.stays(key, None)


@case("metadata of the whole transaction is taken", needs=TRANSACTIONAL)
def metadata(bench):
    key = bench.key()
    bench.transact(("upsert", Write(key, b"1")), metadata={"partitionKey": "one"})
    bench.stays(key, b"1")


@case("the SDK's own transaction", needs=TRANSACTIONAL, wire="grpc")
def sdk(bench):
    one, gone = bench.key("one"), bench.key("gone")
    bench.save(gone)
    bench.wire.transact_with_sdk("store", [("upsert", Write(one, b"1")), ("delete", Write(gone))])
    bench.stays(one, b"1")
    bench.stays(gone, None)


@rows("a store without transactions refuses them", [("of one write", 1), ("of many", 3), ("of nothing", 0)], lacks="TRANSACTIONAL")
def not_offered(bench, count):
    keys = [bench.key(str(number)) for number in range(count)]
    with bench.refuses(NO_TRANSACTIONS, "state store store doesn't support transactions"):
        bench.transact(*(("upsert", Write(key)) for key in keys))
    assert all(item.value is None for item in bench.bulk_get(keys))
