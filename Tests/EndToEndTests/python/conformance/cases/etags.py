"""Etags decide who may write; options say what happens without one."""

import functools

from model import Refused, Write
from refusals import (
    BULK_DELETE_MISMATCH, DELETE_INVALID, DELETE_MISMATCH, DELETE_NOT_OFFERED, SAVE_INVALID, SAVE_MISMATCH,
    SAVE_NOT_OFFERED,
)
from table import case, rows

ETAG = ("ETAG",)
# In the tables: "current" is the stored value's etag, "stale" the one before, "foreign" one that the store could
# have given; any other text, and None, is sent as it is.
FOREIGN = "424242"
# Name, is there a value, etag, concurrency, is it done.
SAVES = [
    ("over nothing without an etag", False, None, "", True),
    ("over nothing with an empty etag", False, "", "", True),
    ("over nothing with a foreign etag", False, "foreign", "", False),
    ("over nothing as the first write", False, None, "first-write", True),
    ("over nothing as the last write", False, None, "last-write", True),
    ("over nothing as the first write with an empty etag", False, "", "first-write", True),
    ("over nothing as the first write with a foreign etag", False, "foreign", "first-write", False),
    ("over a value without an etag", True, None, "", True),
    ("over a value with an empty etag", True, "", "", True),
    ("over a value with its etag", True, "current", "", True),
    ("over a value with the etag before", True, "stale", "", False),
    ("over a value with a foreign etag", True, "foreign", "", False),
    ("over a value as the first write", True, None, "first-write", False),
    ("over a value as the first write with its etag", True, "current", "first-write", True),
    ("over a value as the first write with the etag before", True, "stale", "first-write", False),
    ("over a value as the last write", True, None, "last-write", True),
    ("over a value as the last write with its etag", True, "current", "last-write", True),
    ("over a value as the last write with the etag before", True, "stale", "last-write", False),
]
DELETES = [
    ("nothing without an etag", False, None, "", True),
    ("nothing with an empty etag", False, "", "", True),
    ("nothing with a foreign etag", False, "foreign", "", False),
    ("a value without an etag", True, None, "", True),
    ("a value with an empty etag", True, "", "", True),
    ("a value with its etag", True, "current", "", True),
    ("a value with the etag before", True, "stale", "", False),
    ("a value with a foreign etag", True, "foreign", "", False),
    ("a value as the first write with its etag", True, "current", "first-write", True),
    ("a value as the first write with the etag before", True, "stale", "first-write", False),
    ("a value as the last write", True, None, "last-write", True),
]


def prepare(bench, key, exists, etag):
    """Makes what is stored, and gives the etag to send."""
    if not exists:
        return FOREIGN if etag == "foreign" else etag
    bench.save(key, b'"before"')
    stale = bench.etag(key)
    bench.save(key, b'"stored"')
    current = bench.etag(key)
    assert stale and current and stale != current, (stale, current)
    return {"current": current, "stale": stale, "foreign": FOREIGN}.get(etag, etag)


@rows("saving", SAVES, needs=ETAG)
def saves(bench, exists, etag, concurrency, done):
    key = bench.key()
    etag = prepare(bench, key, exists, etag)
    write = functools.partial(bench.save, key, b'"new"', etag=etag, concurrency=concurrency)
    if done:
        write()
        return bench.stays(key, b'"new"')
    with bench.refuses(SAVE_MISMATCH):
        write()
    bench.stays(key, b'"stored"' if exists else None)


@rows("deleting", DELETES, needs=ETAG)
def deletes(bench, exists, etag, concurrency, done):
    key = bench.key()
    etag = prepare(bench, key, exists, etag)
    delete = functools.partial(bench.delete, key, etag=etag, concurrency=concurrency)
    if done:
        delete()
        return bench.stays(key, None)
    with bench.refuses(DELETE_MISMATCH):
        delete()
    bench.stays(key, b'"stored"' if exists else None)


@rows("an etag that no store gives is refused", [("words", "not an etag!"), ("a quoted one", '"1"'), ("a weak one", 'W/"1"')], needs=ETAG)
def nonsense(bench, etag):
    key = bench.key()
    bench.save(key, b'"stored"')
    for call, refusals in (
        (functools.partial(bench.save, key, b'"new"', etag=etag), (SAVE_MISMATCH, SAVE_INVALID)),
        (functools.partial(bench.delete, key, etag=etag), (DELETE_MISMATCH, DELETE_INVALID)),
    ):
        try:
            call()
        except Refused as error:
            assert (error.code, error.word) in [refusal.on(bench.wire.name) for refusal in refusals], error
        else:
            raise AssertionError("it was done")
    bench.stays(key, b'"stored"')


@case("each write gives another etag, which every read tells", needs=ETAG)
def changes(bench):
    key, seen = bench.key(), set()
    for number in range(20):
        bench.save(key, b"%d" % number)
        etag = bench.etag(key)
        assert etag and etag not in seen, (etag, seen)
        seen.add(etag)
        assert bench.bulk_get([key])[0].etag == etag
        assert bench.other.get("store", key).etag == etag


@case("an etag that was read is the key to the next write, on either wire", needs=ETAG)
def chain(bench):
    key = bench.key()
    bench.save(key, b"0")
    for number in range(1, 6):
        wire = bench.wire if number % 2 else bench.other
        wire.save("store", Write(key, b"%d" % number, etag=wire.get("store", key).etag, concurrency="first-write"))
    bench.stays(key, b"5")


@case("the etag of a deleted value is of no use", needs=ETAG)
def revived(bench):
    key = bench.key()
    bench.save(key, b"1")
    bench.save(key, b"2")
    old = bench.etag(key)
    bench.delete(key)
    with bench.refuses(SAVE_MISMATCH):
        bench.save(key, b"3", etag=old)
    bench.stays(key, None)


@case("of many that write with one etag one wins", needs=ETAG)
def race(bench):
    key = bench.key()
    for _ in range(5):
        bench.save(key, b'"start"')
        etag = bench.etag(key)
        writes = [functools.partial(bench.save, key, b"%d" % number, etag=etag) for number in range(8)]
        outcomes = bench.at_once(writes)
        losers = [error for error in outcomes if error is not None]
        assert len(losers) == 7, outcomes
        assert {(error.code, error.word) for error in losers} == {SAVE_MISMATCH.on(bench.wire.name)}, losers
        bench.stays(key, b"%d" % outcomes.index(None))


@case("of many first writes one wins", needs=ETAG)
def first_race(bench):
    for attempt in range(5):
        key = bench.key(str(attempt))
        writes = [functools.partial(bench.save, key, b"%d" % number, concurrency="first-write") for number in range(8)]
        outcomes = bench.at_once(writes)
        assert outcomes.count(None) == 1, outcomes
        bench.stays(key, b"%d" % outcomes.index(None))


@case("of many items the one with a stale etag is refused, the others are saved", needs=ETAG)
def among_others(bench):
    keys = [bench.key(str(number)) for number in range(5)]
    bench.save_many([Write(key, b'"old"') for key in keys])
    writes = [Write(key, b'"new"', etag=FOREIGN if key == keys[2] else None) for key in keys]
    with bench.refuses(SAVE_MISMATCH):
        bench.save_many(writes)
    found = [item.value for item in bench.bulk_get(keys)]
    assert found == [b'"new"', b'"new"', b'"old"', b'"new"', b'"new"'], found


@case("deleting many obeys etags item by item", needs=ETAG, wire="grpc")
def bulk_delete(bench):
    keys = [bench.key(str(number)) for number in range(3)]
    bench.save_many([Write(key, b"1") for key in keys])
    with bench.refuses(BULK_DELETE_MISMATCH):
        bench.wire.delete_many("store", [Write(keys[0]), Write(keys[1], etag=FOREIGN), Write(keys[2], etag=bench.etag(keys[2]))])
    assert [item.value for item in bench.bulk_get(keys)] == [None, b"1", None]


@rows("options change nothing that they must not", [
    (f"{consistency or 'no'} consistency, {concurrency or 'no'} concurrency", consistency, concurrency)
    for consistency in ("", "eventual", "strong") for concurrency in ("", "last-write")
])
def options(bench, consistency, concurrency):
    key = bench.key()
    bench.save(key, b"1", consistency=consistency, concurrency=concurrency)
    assert bench.get(key, consistency=consistency).value == b"1"
    bench.delete(key, consistency=consistency, concurrency=concurrency)
    assert bench.get(key, consistency=consistency).value is None


# Better no write than one that pays no heed to what it was asked to compare with.
@case("a store without etags refuses a write that asks for a comparison", lacks="ETAG")
def not_offered(bench):
    key = bench.key()
    bench.save(key, b"1", etag="")
    assert not bench.etag(key)
    for asked in ({"etag": "1"}, {"concurrency": "first-write"}, {"etag": "1", "concurrency": "last-write"}):
        with bench.refuses(SAVE_NOT_OFFERED, "has no etags"):
            bench.save(key, b"2", **asked)
    with bench.refuses(DELETE_NOT_OFFERED, "has no etags"):
        bench.delete(key, etag="1")
    beside = bench.key("beside")
    with bench.refuses(SAVE_NOT_OFFERED, "has no etags"):
        bench.save_many([Write(beside, b"1"), Write(key, b"2", etag="1")])
    bench.stays(key, b"1")
    bench.stays(beside, None)
    bench.delete(key, etag="")
    bench.stays(key, None)
