"""Calls an app through runtimes without a pause: call_load.py APP FILE PORT...

A caller of each runtime has four connections, and gives up after three seconds. The file has the name of the phase that it is in, at last
"end"; then it prints a JSON object: for each port, by phase, the calls, those that failed by status (0: no answer in time), the longest
time of one, and the last text of each status."""
import http.client
import json
import sys
import threading
import time

app, file, ports = sys.argv[1], sys.argv[2], [int(port) for port in sys.argv[3:]]
phase, over, lock = "start", False, threading.Lock()
found = {port: {} for port in ports}


def call(port):
    connection = None
    while not over:
        name, began, status, text = phase, time.monotonic(), 0, ""
        try:
            connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=3)
            connection.request("POST", f"/v1.0/invoke/{app}/method/a", b"once")
            answer = connection.getresponse()
            status, text = answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException, ValueError) as error:
            text, connection = repr(error), None
        took = time.monotonic() - began
        with lock:
            # What straddles two phases is of the one that it ended in.
            entry = found[port].setdefault(phase, {"calls": 0, "failed": {}, "longest": 0.0, "texts": {}})
            entry["calls"] += 1
            entry["longest"] = max(entry["longest"], took)
            if status != 200:
                entry["failed"][str(status)] = entry["failed"].get(str(status), 0) + 1
                entry["texts"][str(status)] = text
        time.sleep(0.005)


threads = [threading.Thread(target=call, args=(port,)) for port in ports for _ in range(4)]
for thread in threads:
    thread.start()
while phase != "end":
    with open(file) as now:
        phase = now.read() or phase
    time.sleep(0.02)
over = True
for thread in threads:
    thread.join()
print(json.dumps({str(port): phases for port, phases in found.items()}))
