"""Any text is a key, save two bars in a row and nothing at all."""

from model import Write
from refusals import BAD_TRANSACTION, EMPTY_KEY, GET_INVALID, ILLEGAL_KEY, SAVE_INVALID
from table import case, rows

ODD = [
    ("a blank", "with blank"),
    ("blanks at the ends", " at ends "),
    ("a slash", "a/b"),
    ("a percent sign", "a%2Fb%"),
    ("a plus", "a+b"),
    ("a question mark and a hash", "a?b=c#d"),
    ("quotes", "a'b\"c`d"),
    ("a backslash", "a\\b"),
    ("one bar", "a|b|c"),
    ("bars at the ends", "|a|"),
    ("a star, brackets and braces", "*[a-z]{x}?"),
    ("an underscore and a percent sign of SQL", "_%"),
    ("a semicolon and dashes", "x'; DROP TABLE state; --"),
    ("a line end", "a\nb\r\nc"),
    ("a tab and a bell", "a\tb\x07"),
    ("Cyrillic", "ключ"),
    ("Chinese", "日本語"),
    ("an emoji of several parts", "👩‍👩‍👧"),
    ("a letter and its accent", "e\u0301"),
    ("the same letter as one", "\u00e9"),
    ("a zero byte", "a\0b"),
    ("the name of a route", "bulk"),
    ("the name of another route", "transaction"),
    ("a number", "12"),
    ("upper case", "KEY"),
    ("the same in lower case", "key"),
]


@rows("a key is kept as it is", ODD)
def odd(bench, name):
    key = bench.key(name)
    if bench.kind == "state.postgresql" and "\0" in name:
        with bench.refuses(SAVE_INVALID, "0x00"):
            bench.save(key, b'"kept"')
        return
    bench.save(key, b'"kept"')
    bench.stays(key, b'"kept"')
    assert bench.other.get("store", key).value == b'"kept"'
    [found] = bench.bulk_get([key])
    assert (found.key, found.value, found.error) == (key, b'"kept"', ""), found
    bench.delete(key)
    assert bench.value(key) is None


@rows("a key that a path would resolve is a key", [("a dot", "."), ("two dots", ".."), ("a route's name", "bulk")])
def whole(bench, key):
    # The whole key: all runs of this case share it.
    bench.save(key, b"7")
    bench.stays(key, b"7")


@case("keys that differ in one byte are two keys")
def distinct(bench):
    # Texts of PostgreSQL hold no zero byte.
    zero = [] if bench.kind == "state.postgresql" else ["a\0"]
    names = zero + ["a", "A", "a ", " a", "á", "a\u0301", "a|", "a/"]
    for number, name in enumerate(names):
        bench.save(bench.key(name), b"%d" % number)
    for number, name in enumerate(names):
        bench.stays(bench.key(name), b"%d" % number)


@rows("a long key is kept whole, or refused", [("1 kB", 1000), ("3 kB", 3000)])
def long(bench, size):
    one, other = bench.key("k" * size + "1"), bench.key("k" * size + "2")
    if bench.kind == "state.file-store":
        with bench.refuses(SAVE_INVALID, "longer than 120 bytes"):
            bench.save(one)
        with bench.refuses(GET_INVALID, "longer than 120 bytes"):
            bench.get(one)
        return
    bench.save(one, b"1")
    bench.save(other, b"2")
    bench.stays(one, b"1")
    bench.stays(other, b"2")


BARS = [("in the middle", "a||b"), ("at the end", "a||"), ("at the start", "||a"), ("alone", "||"), ("three of them", "a|||b")]


@rows("two bars in a key are refused by every operation", BARS)
def bars(bench, key):
    says = f"input key/keyPrefix '{key}' can't contain '||'"
    for store in ("store", "bare", "custom"):
        with bench.refuses(ILLEGAL_KEY, says):
            bench.save(key, store=store)
        with bench.refuses(ILLEGAL_KEY, says):
            bench.save_many([Write(bench.key("beside")), Write(key)], store=store)
        with bench.refuses(ILLEGAL_KEY, says):
            bench.get(key, store=store)
        with bench.refuses(ILLEGAL_KEY, says):
            bench.bulk_get([bench.key("beside"), key], store=store)
        with bench.refuses(ILLEGAL_KEY, says):
            bench.delete(key, store=store)
    # Nothing of a refused request is done.
    assert bench.value(bench.key("beside")) is None


@rows("two bars in a key are refused in a transaction", BARS, needs=("TRANSACTIONAL",))
def bars_in_transaction(bench, key):
    beside = bench.key()
    for word in ("upsert", "delete"):
        with bench.refuses(ILLEGAL_KEY, f"input key/keyPrefix '{key}' can't contain '||'"):
            bench.transact(("upsert", Write(beside)), (word, Write(key)))
    assert bench.value(beside) is None


@case("an empty key is refused when saving, alone and among others")
def empty(bench):
    with bench.refuses(EMPTY_KEY, "state key cannot be empty"):
        bench.save("")
    beside = bench.key()
    with bench.refuses(EMPTY_KEY, "state key cannot be empty"):
        bench.save_many([Write(beside), Write("")])
    assert bench.value(beside) is None


@case("an empty key is refused in a transaction", needs=("TRANSACTIONAL",))
def empty_in_transaction(bench):
    refusal = BAD_TRANSACTION if bench.wire.name == "grpc" else EMPTY_KEY
    with bench.refuses(refusal, "state key cannot be empty"):
        bench.transact(("upsert", Write("")))
