"""The state API as an app sees it through the unmodified Dapr SDK. Any failed assertion ends it with 1.

The ports come from the environment, as under `octavo run -- python3 state.py`; the store's name is the argument.
"""

import json
import sys
import time

import grpc
from dapr.clients import DaprClient
from dapr.clients.exceptions import DaprGrpcError
from dapr.clients.grpc._request import TransactionalStateOperation, TransactionOperationType
from dapr.clients.grpc._state import Concurrency, Consistency, StateItem, StateOptions

STORE = sys.argv[1] if len(sys.argv) > 1 else "statestore"
FIRST_WRITE = StateOptions(concurrency=Concurrency.first_write, consistency=Consistency.strong)


def refused(call):
    """The error of a call that must fail."""
    try:
        call()
    except (DaprGrpcError, grpc.RpcError) as error:
        return error
    raise AssertionError("the call succeeded")


def values(client):
    client.save_state(STORE, "text", "hello")
    assert client.get_state(STORE, "text").data == b"hello"
    client.save_state(STORE, "bytes", bytes(range(256)))
    assert client.get_state(STORE, "bytes").data == bytes(range(256))
    client.save_state(STORE, "big", b"x" * 3_000_000)
    assert client.get_state(STORE, "big").data == b"x" * 3_000_000
    client.save_state(STORE, "ключ / key", json.dumps({"a": 1}))
    assert client.get_state(STORE, "ключ / key").json() == {"a": 1}
    missing = client.get_state(STORE, "missing")
    assert missing.data == b"" and not missing.etag, (missing.data, missing.etag)
    client.delete_state(STORE, "text")
    assert client.get_state(STORE, "text").data == b""
    client.delete_state(STORE, "text")


def bulk(client):
    client.save_bulk_state(STORE, [StateItem(key=f"bulk-{i}", value=str(i)) for i in range(50)])
    keys = [f"bulk-{i}" for i in range(50)] + ["missing"]
    items = {item.key: item for item in client.get_bulk_state(STORE, keys, parallelism=10).items}
    assert set(items) == set(keys), set(keys) ^ set(items)
    for i in range(50):
        item = items[f"bulk-{i}"]
        assert item.data == str(i).encode() and item.etag and not item.error, item
    assert items["missing"].data == b"" and not items["missing"].error


def etags(client):
    client.save_state(STORE, "etag", "1")
    first = client.get_state(STORE, "etag").etag
    assert first
    client.save_state(STORE, "etag", "2", etag=first, options=FIRST_WRITE)
    second = client.get_state(STORE, "etag").etag
    assert second != first
    error = refused(lambda: client.save_state(STORE, "etag", "3", etag=first, options=FIRST_WRITE))
    assert error.code() == grpc.StatusCode.ABORTED, error.code()
    assert error.status_details().error_info["reason"] == "ERR_STATE_SAVE", error.status_details()
    error = refused(lambda: client.delete_state(STORE, "etag", etag=first, options=FIRST_WRITE))
    assert error.code() == grpc.StatusCode.ABORTED, error.code()
    assert client.get_state(STORE, "etag").data == b"2"
    client.delete_state(STORE, "etag", etag=second)
    assert client.get_state(STORE, "etag").data == b""


def transactions(client):
    client.save_state(STORE, "gone", "1")
    client.execute_state_transaction(
        STORE,
        [
            TransactionalStateOperation(key="one", data="1", operation_type=TransactionOperationType.upsert),
            TransactionalStateOperation(key="two", data="2", operation_type=TransactionOperationType.upsert),
            TransactionalStateOperation(key="gone", operation_type=TransactionOperationType.delete),
        ],
    )
    assert [client.get_state(STORE, key).data for key in ("one", "two", "gone")] == [b"1", b"2", b""]
    stale = TransactionalStateOperation(
        key="two", data="9", etag="424242", operation_type=TransactionOperationType.upsert
    )
    fresh = TransactionalStateOperation(key="three", data="3", operation_type=TransactionOperationType.upsert)
    error = refused(lambda: client.execute_state_transaction(STORE, [fresh, stale]))
    assert error.code() == grpc.StatusCode.INTERNAL, error.code()
    assert [client.get_state(STORE, key).data for key in ("three", "two")] == [b"", b"2"]


def lifetimes(client):
    client.save_state(STORE, "short", "x", state_metadata={"ttlInSeconds": "1"})
    client.save_state(STORE, "long", "x", state_metadata={"ttlInSeconds": "100"})
    assert client.get_state(STORE, "long").data == b"x"
    end = time.monotonic() + 5
    while client.get_state(STORE, "short").data:
        assert time.monotonic() < end, "a value that lives a second is there after five"
        time.sleep(0.05)
    error = refused(lambda: client.save_state(STORE, "bad", "x", state_metadata={"ttlInSeconds": "soon"}))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error.code()


def errors(client):
    error = refused(lambda: client.get_state("nostore", "key"))
    assert isinstance(error, DaprGrpcError), type(error)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error.code()
    assert error.details() == "state store nostore is not found", error.details()
    info = error.status_details().error_info
    assert info["reason"] == "DAPR_STATE_NOT_FOUND" and info["domain"] == "dapr.io", info
    assert error.error_code() == "DAPR_STATE_NOT_FOUND", error.error_code()

    error = refused(lambda: client.get_state(STORE, "a||b"))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error.code()
    details = error.status_details()
    assert details.error_info["reason"] == "DAPR_STATE_ILLEGAL_KEY", details.error_info
    assert details.bad_request["field_violations"][0]["field"] == "a||b", details.bad_request
    assert details.resource_info["resource_type"] == "state", details.resource_info
    assert details.resource_info["resource_name"] == STORE, details.resource_info


def metadata(client):
    found = client.get_metadata()
    assert found.application_id == "demo", found.application_id
    assert STORE in {component.name for component in found.registered_components}
    client.set_metadata("colour", "blue")
    assert client.get_metadata().extended_metadata["colour"] == "blue"


# The client waits for the runtime's health by itself.
with DaprClient() as client:
    for part in (values, bulk, etags, transactions, lifetimes, errors, metadata):
        part(client)
        print(part.__name__, flush=True)
