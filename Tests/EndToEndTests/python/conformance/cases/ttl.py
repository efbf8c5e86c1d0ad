"""Values that go away by themselves."""

import datetime
import time

from model import Write
from refusals import SAVE_INVALID, SAVE_NOT_OFFERED
from table import case, rows

TTL = ("TTL",)


def life(seconds):
    return {"metadata": {"ttlInSeconds": str(seconds)}}


def gone(bench, key):
    bench.eventually(lambda: bench.value(key) is None, f"the end of {key}, which lives a second")


def in_time(attempt):
    """What must hold within the second that a value lives. On a busy machine the second may be over before: then again."""
    for last in [False] * 9 + [True]:
        began = time.monotonic()
        try:
            return attempt()
        except AssertionError:
            if last or time.monotonic() - began < 0.9:
                raise


@case("a value with a time to live goes away, for every way of reading", needs=TTL)
def expires(bench):
    key, kept = bench.key("short"), bench.key("long")
    bench.save(kept, b"1", **life(1000))

    def lives():
        bench.save(key, b"1", **life(1))
        bench.stays(key, b"1")

    in_time(lives)
    gone(bench, key)
    assert bench.other.get("store", key).value is None
    assert [item.value for item in bench.bulk_get([key, kept])] == [None, b"1"]


@case("the time of the end is told with the value", needs=TTL)
def told(bench):
    key = bench.key()
    before = datetime.datetime.now(datetime.timezone.utc)
    bench.save(key, b"1", **life(1000))
    # gRPC keeps the case of names; HTTP's headers have none.
    found = {name.lower(): text for name, text in bench.get(key).metadata.items()}
    if bench.kind == "state.redis":
        # It would cost a second command for each read.
        assert found == {}, found
        return
    assert found["ttlexpiretime"].endswith("Z"), found
    end = datetime.datetime.fromisoformat(found["ttlexpiretime"].replace("Z", "+00:00"))
    assert datetime.timedelta(seconds=995) < end - before < datetime.timedelta(seconds=1015), found
    [item] = bench.bulk_get([key])
    assert item.metadata["ttlExpireTime"] == found["ttlexpiretime"], item
    bench.save(key, b"1")
    assert bench.get(key).metadata == {}


@case("a later write without a time to live makes the value stay", needs=TTL)
def extended(bench):
    plain, never, witness = bench.key("plain"), bench.key("never"), bench.key("witness")
    for key in (plain, never, witness):
        bench.save(key, b"1", **life(1))
    bench.save(plain, b"2")
    bench.save(never, b"2", **life(-1))
    gone(bench, witness)
    bench.stays(plain, b"2")
    bench.stays(never, b"2")


@case("an expired value is nothing: no etag fits, a first write takes its place", needs=(*TTL, "ETAG"))
def expired_is_nothing(bench):
    key = bench.key()

    def lives():
        bench.save(key, b"1", **life(1))
        etag = bench.etag(key)
        assert etag
        return etag

    etag = in_time(lives)
    gone(bench, key)
    bench.save(key, b"2", concurrency="first-write")
    bench.stays(key, b"2")
    assert bench.etag(key) and etag


@case("items of one request live each for its own time", needs=TTL)
def each(bench):
    short, long = bench.key("short"), bench.key("long")
    bench.save_many([Write(short, b"1", metadata={"ttlInSeconds": "1"}), Write(long, b"1")])
    gone(bench, short)
    bench.stays(long, b"1")


@case("a transaction's writes may have a time to live", needs=(*TTL, "TRANSACTIONAL"))
def in_transaction(bench):
    short, long = bench.key("short"), bench.key("long")

    def lives():
        bench.transact(("upsert", Write(short, b"1", metadata={"ttlInSeconds": "1"})), ("upsert", Write(long, b"1")))
        bench.stays(short, b"1")

    in_time(lives)
    gone(bench, short)
    bench.stays(long, b"1")


@case("the query string's time to live is for all items, over their own", needs=TTL, wire="http")
def by_query(bench):
    keys = [bench.key("own"), bench.key("none")]
    writes = [Write(keys[0], b"1", metadata={"ttlInSeconds": "1000"}), Write(keys[1], b"1")]
    bench.save_many(writes, metadata={"ttlInSeconds": "1"})
    for key in keys:
        gone(bench, key)


BAD = [
    ("words", "soon"), ("a fraction", "1.5"), ("below -1", "-2"), ("past 32 bits", "4294967296"), ("a unit", "10s"),
    ("a blank before it", " 10"), ("hexadecimal", "0x10"),
]


@rows("a time to live that is no number of seconds is refused", BAD)
def bad(bench, text):
    key = bench.key()
    with bench.refuses(SAVE_INVALID, f'it is "{text}"'):
        bench.save(key, b"1", metadata={"ttlInSeconds": text})
    beside = bench.key("beside")
    with bench.refuses(SAVE_INVALID, f"of key {key} "):
        bench.save_many([Write(beside, b"1"), Write(key, b"1", metadata={"ttlInSeconds": text})])
    assert bench.value(key) is None and bench.value(beside) is None


@rows("a time to live of nothing is none", [("an empty text", ""), ("-1", "-1"), ("0", "0")])
def none(bench, text):
    key = bench.key()
    bench.save(key, b"1", metadata={"ttlInSeconds": text})
    bench.stays(key, b"1")


# A value that was to go away and stays may be a leak.
@case("a store without time to live refuses to keep for ever what was to go away", lacks="TTL")
def not_offered(bench):
    key, beside = bench.key(), bench.key("beside")
    with bench.refuses(SAVE_NOT_OFFERED, "has no time to live"):
        bench.save(key, b"1", **life(10))
    with bench.refuses(SAVE_NOT_OFFERED, "has no time to live"):
        bench.save_many([Write(beside, b"1"), Write(key, b"1", metadata={"ttlInSeconds": "10"})])
    assert bench.value(key) is None and bench.value(beside) is None
