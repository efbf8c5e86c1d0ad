"""Components keep their keys apart by a prefix, as Dapr writes it. The app's id is `demo`, its namespace `Shop`."""

from model import Write
from table import case, rows

# Name, component, the key as it is stored.
STRATEGIES = [
    ("not given", "store", "demo||{}"),
    ("appid", "byappid", "demo||{}"),
    ("name", "byname", "byname||{}"),
    ("namespace", "bynamespace", "Shop.demo||{}"),
    ("none", "bare", "{}"),
    ("a text of one's own, in lower case", "custom", "team-a||{}"),
]


@rows("a key under keyPrefix", STRATEGIES)
def strategy(bench, component, stored):
    key = bench.key()
    bench.save(key, b'"mine"', store=component)
    assert bench.value(key, component) == b'"mine"'
    # No reply shows the prefix.
    [item] = bench.bulk_get([key], store=component)
    assert (item.key, item.value) == (key, b'"mine"'), item
    if bench.backing:
        assert bench.backing.value(component, stored.format(key)) == b'"mine"'
    bench.delete(key, store=component)
    assert bench.value(key, component) is None
    if bench.backing:
        assert bench.backing.value(component, stored.format(key)) is None


@case("the same key in components with other prefixes is another key")
def apart(bench):
    key = bench.key()
    components = ["store", "byname", "bynamespace", "bare", "custom"]
    for number, component in enumerate(components):
        bench.save(key, b"%d" % number, store=component)
    for number, component in enumerate(components):
        assert bench.value(key, component) == b"%d" % number


@case("transactions and bulk writes put the same prefix in front", needs=("TRANSACTIONAL",))
def everywhere(bench):
    one, two, three = (bench.key(name) for name in ("one", "two", "three"))
    bench.transact(("upsert", Write(one, b"1")), store="custom")
    bench.save_many([Write(two, b"2"), Write(three, b"3")], store="custom")
    assert [item.value for item in bench.bulk_get([one, two, three], store="custom")] == [b"1", b"2", b"3"]
    if bench.backing:
        assert [bench.backing.value("custom", "team-a||" + key) for key in (one, two, three)] == [b"1", b"2", b"3"]


@case("a key that looks prefixed by one bar is left alone")
def lookalike(bench):
    for key in ("demo|" + bench.key(), "|" + bench.key(), bench.key() + "|"):
        bench.save(key, b'"odd"', store="custom")
        assert bench.value(key, "custom") == b'"odd"'
        [item] = bench.bulk_get([key], store="custom")
        assert item.key == key
