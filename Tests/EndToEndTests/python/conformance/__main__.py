"""Runs all cases over one store and one wire; a line a case. Any failure ends it with 1.

The argument is a JSON object: `http`, `grpc` (ports), `wire`, `kind` (the component's type), `features` (the
words that the runtime must report), `backing` (where the store keeps things; see backing.py), `only` (text that
a case's name must have, for trying).
"""

import concurrent.futures
import importlib
import json
import os
import pkgutil
import sys
import traceback

setting = json.loads(sys.argv[1])
# The SDK waits for the runtime there.
os.environ.update(DAPR_HTTP_PORT=str(setting["http"]), DAPR_GRPC_PORT=str(setting["grpc"]))

import cases  # noqa: E402
from backing import open_backing  # noqa: E402
from bench import Bench  # noqa: E402
from table import CASES  # noqa: E402
from wires.grpc_wire import GRPCWire  # noqa: E402
from wires.http_wire import HTTPWire  # noqa: E402

for module in sorted(found.name for found in pkgutil.iter_modules(cases.__path__)):
    importlib.import_module("cases." + module)

wires = {kind.name: kind(setting["grpc"], setting["http"]) for kind in (GRPCWire, HTTPWire)}
wire = wires[setting["wire"]]
other = next(found for name, found in wires.items() if name != wire.name)
backing = open_backing(setting["kind"], setting["backing"])
features = wire.capabilities()["store"]
assert features == set(setting["features"]), (features, setting["features"])
assert wire.capabilities() == other.capabilities()


def run(number, case):
    """The word for the case's end, and why."""
    obstacle = case.obstacle(features, wire.name)
    if obstacle:
        return "not run", obstacle
    try:
        return "passed", case.run(Bench(number, wire, other, setting["kind"], features, backing)) or ""
    except Exception:  # noqa: BLE001: whatever goes wrong is the case's failure
        return "FAILED", traceback.format_exc(limit=-3).strip().replace("\n", " | ")


chosen = [(number, case) for number, case in enumerate(CASES) if setting.get("only", "") in case.name]
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    ends = list(pool.map(lambda pair: run(*pair), chosen))
for (_, case), (word, why) in zip(chosen, ends):
    print(word, case.name, setting["kind"], wire.name, why, sep="\t")
sys.exit(any(word == "FAILED" for word, _ in ends))
