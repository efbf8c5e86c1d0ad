"""Calls GetState over gRPC, eight at a time, until it is told to end; then prints how many calls there were.

The first answer that is not the wanted one ends it with 1. Arguments: the port, store, key, wanted value.
"""

import signal
import sys
import threading

import grpc

port, store, key, wanted = sys.argv[1:]
over = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: over.set())


def field(number, text):
    """A text field of protobuf's wire format, shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(text)]) + text.encode()


request = field(1, store) + field(2, key)
answer = field(1, wanted)
counts = [0] * 8
failures = []


def client(index, call):
    try:
        while not over.is_set():
            data = call(request, timeout=30)
            if not data.startswith(answer):
                raise AssertionError(f"an answer without the value: {data!r}")
            counts[index] += 1
    except Exception as error:  # noqa: BLE001: told below
        failures.append(error)
        over.set()


with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    call = channel.unary_unary("/dapr.proto.runtime.v1.Dapr/GetState")
    threads = [threading.Thread(target=client, args=(index, call)) for index in range(len(counts))]
    for thread in threads:
        thread.start()
    print("started", flush=True)
    for thread in threads:
        thread.join()
print(sum(counts))
if failures:
    sys.exit(f"{len(failures)} failed: {failures[0]}")
