"""Saves numbers over gRPC, four writers on a key each, until it is told to end; then reads what was acknowledged last.

Prints the number of writes. A refused write, or a value that is not the last acknowledged one, ends it with 1.
Arguments: the port, the store.
"""

import signal
import sys
import threading

import grpc
from dapr.proto import api_service_v1, api_v1, common_v1

port, store = sys.argv[1:]
over = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: over.set())
last = [0] * 4
failures = []


def key(index):
    return f"writer-{index}"


def writer(index, stub):
    try:
        while not over.is_set():
            value = last[index] + 1
            item = common_v1.StateItem(key=key(index), value=b"%d" % value)
            stub.SaveState(api_v1.SaveStateRequest(store_name=store, states=[item]), timeout=30)
            last[index] = value
            # Its own write is what it reads, whichever instance answers.
            found = stub.GetState(api_v1.GetStateRequest(store_name=store, key=key(index)), timeout=30).data
            assert found == b"%d" % value, (found, value)
    except Exception as error:  # noqa: BLE001: told below
        failures.append(error)
        over.set()


with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    stub = api_service_v1.DaprStub(channel)
    threads = [threading.Thread(target=writer, args=(index, stub)) for index in range(len(last))]
    for thread in threads:
        thread.start()
    print("started", flush=True)
    for thread in threads:
        thread.join()
    for index, value in enumerate(last):
        found = stub.GetState(api_v1.GetStateRequest(store_name=store, key=key(index)), timeout=30).data
        if found != (b"%d" % value if value else b""):
            failures.append(f"{key(index)} is {found!r}, {value} was acknowledged")
print(sum(last))
if failures:
    sys.exit(f"{len(failures)} failed: {failures[0]}")
