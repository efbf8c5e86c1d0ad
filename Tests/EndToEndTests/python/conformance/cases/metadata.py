"""Metadata that no store knows is taken, and does nothing."""

import urllib.parse

from model import Write
from table import case, rows

ODD = [
    ("a name that nobody knows", {"colour": "blue"}),
    ("a name that stores may know", {"partitionKey": "one", "contentType": "application/json"}),
    ("an empty value", {"colour": ""}),
    ("a value that is not ASCII", {"colour": "синий"}),
    ("many", {f"name {number}": "x" for number in range(30)}),
]


@rows("metadata is taken with every operation", ODD)
def taken(bench, metadata):
    key = bench.key()
    bench.save(key, b"1", metadata=metadata)
    assert bench.get(key, metadata=metadata).value == b"1"
    assert bench.bulk_get([key], metadata=metadata)[0].value == b"1"
    bench.save_many([Write(key, b"2", metadata=metadata), Write(bench.key("other"), b"2", metadata=metadata)])
    bench.stays(key, b"2")
    assert bench.get(key).metadata == {}, "what was sent came back"
    bench.delete(key, metadata=metadata)
    bench.stays(key, None)


@case("more metadata in a query string than a request may have is refused", wire="http")
def too_much(bench):
    query = urllib.parse.urlencode({f"metadata.n{number}": "x" for number in range(33)})
    answer = bench.wire.send("GET", f"/v1.0/state/store/{bench.key()}?{query}")
    assert answer.status == 400 and b"more than 32 metadata parameters" in answer.body, answer.body
