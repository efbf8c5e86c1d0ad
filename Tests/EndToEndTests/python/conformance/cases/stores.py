"""Stores that are not there, or are something else."""

from model import Write
from refusals import NO_STORE
from table import rows

NAMES = [("a name that nobody has", "nostore"), ("a secret store", "vault"), ("another case", "STORE"), ("dots", "..x")]
OPERATIONS = [
    ("get", lambda bench, store: bench.get("key", store)),
    ("strong get", lambda bench, store: bench.get("key", store, consistency="strong")),
    ("bulk get", lambda bench, store: bench.bulk_get(["key"], store)),
    ("bulk get of nothing", lambda bench, store: bench.bulk_get([], store)),
    ("save", lambda bench, store: bench.save("key", store=store)),
    ("save of many", lambda bench, store: bench.save_many([Write("a"), Write("b")], store)),
    ("save of nothing", lambda bench, store: bench.save_many([], store)),
    ("delete", lambda bench, store: bench.delete("key", store)),
    ("transaction", lambda bench, store: bench.transact(("upsert", Write("a")), store=store)),
    ("empty transaction", lambda bench, store: bench.transact(store=store)),
    ("query", lambda bench, store: bench.wire.query(store, "{}")),
]


@rows("refused", [
    (f"{operation} of {name}", call, store) for operation, call in OPERATIONS for name, store in NAMES
])
def refused(bench, call, store):
    with bench.refuses(NO_STORE, f"state store {store} is not found"):
        call(bench, store)
