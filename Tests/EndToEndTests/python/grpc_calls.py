"""Calls an app by gRPC, one after the other, until a file appears, with a dot for every ten. Calls that broke off inside may fail,
one for each of the two kinds at most; calls that could not be begun may not.    grpc_calls.py PORT APP FILE"""

import os
import sys

import grpc

PORT, APP, FILE = sys.argv[1], sys.argv[2], sys.argv[3]
METADATA = (("dapr-app-id", APP),)
failures = []
begun = False
count = 0
with grpc.insecure_channel(f"127.0.0.1:{PORT}") as channel:
    unary, total = channel.unary_unary("/test.Echo/Unary"), channel.stream_unary("/test.Echo/Total")
    while not os.path.exists(FILE):
        for kind in (lambda: unary(b"a", metadata=METADATA, timeout=20), lambda: total(iter([b"a", b"bc"]), metadata=METADATA, timeout=20)):
            try:
                kind()
                begun = True
                count += 1
                if count % 10 == 0:
                    print(".", end="", flush=True)
            except grpc.RpcError as error:
                # Before the callee has said where it is.
                if begun:
                    failures.append(f"{error.code()}: {error.details()}")
print("\n" + "\n".join(failures))
sys.exit(1 if not begun or len(failures) > 2 or any("can't be reached" in one for one in failures) else 0)
