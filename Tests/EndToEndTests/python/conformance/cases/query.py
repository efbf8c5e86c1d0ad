"""Queries over JSON values, where the store has them."""

import json

from model import Write
from refusals import NO_QUERIES, QUERY_FAILED
from table import case, rows

QUERY = ("QUERY_API",)
# Of the data below, by the last letter of the key.
DATA = {
    "a": {"person": {"org": "sales", "id": 1, "score": 1.5, "active": True}},
    "b": {"person": {"org": "sales", "id": 2, "score": 2.5, "active": False}},
    "c": {"person": {"org": "dev", "id": 3, "score": -1, "active": True}},
    "d": {"person": {"org": "dev", "id": 10, "name": "Zoë"}},
    "e": {"other": 1},
}
FILTERS = [
    ("EQ of a text", {"EQ": {"person.org": "dev"}}, "cd"),
    ("EQ of a number", {"EQ": {"person.id": 2}}, "b"),
    ("EQ of a truth value", {"EQ": {"person.active": True}}, "ac"),
    ("EQ of a text that is not ASCII", {"EQ": {"person.name": "Zoë"}}, "d"),
    ("EQ that nothing has", {"EQ": {"person.org": "none"}}, ""),
    ("IN", {"IN": {"person.id": [1, 10, 99]}}, "ad"),
    ("GT", {"GT": {"person.id": 2}}, "cd"),
    ("GTE", {"GTE": {"person.id": 2}}, "bcd"),
    ("LT", {"LT": {"person.score": 1.5}}, "c"),
    ("LTE", {"LTE": {"person.score": 1.5}}, "ac"),
    ("AND", {"AND": [{"EQ": {"person.org": "sales"}}, {"EQ": {"person.active": True}}]}, "a"),
    ("OR", {"OR": [{"EQ": {"person.id": 1}}, {"EQ": {"person.id": 3}}]}, "ac"),
    ("AND in OR", {"OR": [{"EQ": {"other": 1}}, {"AND": [{"GT": {"person.id": 1}}, {"LT": {"person.id": 3}}]}]}, "be"),
]


def fill(bench):
    """Saves the data under keys of this case; the group keeps other cases' data out."""
    group = bench.key("group")
    bench.save_many([
        Write(bench.key(name), json.dumps({**value, "group": group}, separators=(",", ":")).encode()) for name, value in DATA.items()
    ])
    return {"EQ": {"group": group}}


def ask(bench, mine, condition=None, **rest):
    filters = {"AND": [mine, condition]} if condition else mine
    return bench.wire.query("store", json.dumps({"filter": filters, **rest}))


@rows("a query", FILTERS, needs=QUERY)
def filters(bench, condition, wanted):
    mine = fill(bench)
    page = ask(bench, mine, condition, sort=[{"key": "person.id"}])
    assert {item.key for item in page.items} == {bench.key(name) for name in wanted}, page
    for item in page.items:
        assert item.etag and json.loads(item.value)["group"] == bench.key("group") and not item.error, item


@case("results are sorted, both ways and by several keys", needs=QUERY)
def sorts(bench):
    mine = fill(bench)
    persons = {"IN": {"person.org": ["sales", "dev"]}}

    def names(*keys):
        page = ask(bench, mine, persons, sort=[{"key": key, "order": order} for key, order in keys])
        return "".join(item.key[-1] for item in page.items)

    assert names(("person.id", "ASC")) == "abcd"
    assert names(("person.id", "DESC")) == "dcba"
    assert names(("person.org", "ASC"), ("person.id", "DESC")) == "dcba"
    assert names(("person.org", "DESC"), ("person.id", "ASC")) == "abcd"


@case("results come page by page", needs=QUERY)
def pages(bench):
    mine, found, token = fill(bench), [], ""
    for _ in range(4):
        page = ask(bench, mine, sort=[{"key": "person.id"}], page={"limit": 2, **({"token": token} if token else {})})
        assert len(page.items) <= 2
        found += [item.key[-1] for item in page.items]
        token = page.token
        if not token:
            break
    assert sorted(found) == list("abcde") and len(found) == 5, found


@case("a query sees what this app's component stored, and no more", needs=QUERY)
def own(bench):
    mine = fill(bench)
    assert ask(bench, mine).items
    assert bench.wire.query("custom", json.dumps({"filter": mine})).items == []


@rows("a wrong query is refused with its cause", [
    ("no JSON", "{", "not JSON"), ("no object", "[]", "must be a JSON object"),
    ("an unknown operator", '{"filter":{"LIKE":{"a":1}}}', "no operator LIKE"),
    ("an unknown member", '{"where":{}}', "no member where"),
    ("two operators in one", '{"filter":{"EQ":{"a":1},"IN":{"b":[1]}}}', "one operator"),
    ("an empty AND", '{"filter":{"AND":[]}}', "AND must hold an array"),
    ("a limit below nothing", '{"page":{"limit":-1}}', "page.limit"),
    ("an order that is none", '{"sort":[{"key":"a","order":"UP"}]}', "ASC or DESC"),
], needs=QUERY)
def wrong(bench, text, says):
    with bench.refuses(QUERY_FAILED, says):
        bench.wire.query("store", text)


@rows("a store without queries refuses them", [
    ("a filter", '{"filter":{"EQ":{"a":1}}}'), ("everything", "{}"),
], lacks="QUERY_API")
def not_offered(bench, text):
    with bench.refuses(NO_QUERIES, "state store does not support querying"):
        bench.wire.query("store", text)
