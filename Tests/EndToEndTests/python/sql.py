"""The binding of a PostgreSQL server through the unmodified Dapr SDK: `sql.py BINDING`. Any failed assertion ends it with 1."""

import json
import sys
import warnings
from datetime import datetime

import grpc
from dapr.clients import DaprClient

warnings.simplefilter("ignore")


def main(client):
    def invoke(operation, sql=None, params=None):
        metadata = {} if sql is None else {"sql": sql}
        if params is not None:
            metadata["params"] = params if isinstance(params, str) else json.dumps(params)
        return client.invoke_binding(sys.argv[1], operation, "", metadata)

    def fails(part, *arguments):
        try:
            answer = invoke(*arguments)
        except grpc.RpcError as error:
            assert part in error.details(), error.details()
            return
        raise AssertionError((arguments, answer.data))

    invoke("exec", "CREATE TABLE foo (id int PRIMARY KEY, name text, at timestamptz, ok boolean, doc jsonb, raw bytea, n numeric)")
    made = invoke(
        "exec", "INSERT INTO foo VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [1, 'a "quote", [and] \\ a comma', "2026-01-02T03:04:05.5Z", True, {"a": [1, {"b": "]"}]}, "\\x00ff", 12.50])
    flat = made.binding_metadata
    assert flat["operation"] == "exec" and flat["rows-affected"] == "1" and flat["sql"].startswith("INSERT"), flat
    assert flat["duration"][-1] == "s" and flat["start-time"] <= flat["end-time"], flat
    datetime.fromisoformat(flat["start-time"][:19])
    invoke("exec", "INSERT INTO foo (id, name) SELECT i, NULL FROM generate_series(2, 1000) AS i")
    found = invoke("query", "SELECT id, name, at, ok, doc, raw, n FROM foo WHERE id < $1 ORDER BY id", [3])
    rows = json.loads(found.data)
    assert rows == [
        [1, 'a "quote", [and] \\ a comma', "2026-01-02T03:04:05.5Z", True, {"a": [1, {"b": "]"}]}, "AP8=", 12.5],
        [2, None, None, None, None, None, None]], rows
    assert json.loads(invoke("query", "SELECT count(*) FROM foo").data) == [[1000]]
    assert json.loads(invoke("query", "SELECT 1 WHERE false").data) == []
    assert json.loads(invoke("query", "SELECT $1::text, $2::text", ["", None]).data) == [["", None]]
    assert json.loads(invoke("query", "SELECT 'NaN'::float8, 'infinity'::timestamptz").data) == [["NaN", "infinity"]]
    assert invoke("close").data == b""

    fails("sql is missing", "exec")
    fails("exec, query and close", "create", "SELECT 1")
    fails("syntax error", "query", "SELEKT")
    fails("does not exist", "query", "SELECT * FROM nothing")
    fails("no JSON array", "query", "SELECT $1::int", "1")
    fails("no JSON array", "query", "SELECT $1::int", "[1,")
    fails("begins with begin", "exec", " -- a comment\n/* and /* another */ */ BEGIN")
    fails("begins with copy", "exec", "COPY foo TO STDOUT")
    fails("duplicate key", "exec", "INSERT INTO foo (id) VALUES (1)")
    assert json.loads(invoke("query", "SELECT count(*) FROM foo").data) == [[1000]]


with DaprClient() as client:
    main(client)
