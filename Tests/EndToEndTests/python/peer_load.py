"""Calls an app without a pause until a file appears, with a dot for how far it is, then prints what became of it as JSON.

    peer_load.py PORT APP FILE

Small requests that may not be sent twice, large ones in pieces, and answers that take their time. Each is to come back whole.
"""

import http.client
import json
import os
import sys
import threading

PORT, APP, FILE = int(sys.argv[1]), sys.argv[2], sys.argv[3]
LARGE = b"x" * 300_000
counts = {"small": 0, "large": 0, "slow": 0}
failures = []
lock = threading.Lock()


def ask(connection, method, path, body=None, fields=None, chunked=False):
    connection.request(method, f"/v1.0/invoke/{APP}/method{path}", body, fields or {}, encode_chunked=chunked)
    answer = connection.getresponse()
    return answer.status, answer.read()


def small(connection):
    status, body = ask(connection, "POST", "/a", b"once")
    return status == 200 and json.loads(body)["body"] == "once", (status, body[:300])


def large(connection):
    status, body = ask(connection, "POST", "/count", iter([LARGE, LARGE]), {"transfer-encoding": "chunked"}, chunked=True)
    return status == 200 and body == b"600000", (status, body[:300])


def slow(connection):
    status, body = ask(connection, "GET", "/sse/5")
    return status == 200 and body == b"".join(b"data: %d\n\n" % index for index in range(5)), (status, body[:300])


def work(kind):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    while not os.path.exists(FILE):
        try:
            good, told = kind(connection)
        except Exception as error:
            good, told = False, repr(error)
            connection.close()
        with lock:
            counts[kind.__name__] += 1
            if kind is slow or sum(counts.values()) % 100 == 0:
                print(".", end="", flush=True)
        if not good:
            failures.append((kind.__name__, str(told)))


threads = [threading.Thread(target=work, args=(kind,)) for kind in (small, small, small, large, slow, slow)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("\n" + json.dumps({"counts": counts, "failures": failures[:20]}))
sys.exit(1 if failures or not all(counts.values()) else 0)
