"""Asks runtimes for keys of a store, each on connections of its own as fast as they answer: limited.py SECONDS CONNECTIONS STORE PORT...

Prints a JSON object: how long it took from the first request to the last answer, and for each port the answers by status and the longest
time that one took."""
import collections
import json
import socket
import sys
import threading
import time

seconds, connections, store = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
ports = [int(port) for port in sys.argv[4:]]
counts = {port: collections.Counter() for port in ports}
longest = {port: 0.0 for port in ports}
lock = threading.Lock()
ends = []
request = f"GET /v1.0/state/{store}/a HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()


def answer(stream):
    status = int(stream.readline().split()[1])
    length = 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    stream.read(length)
    return status


def ask(port):
    seen, most, last = collections.Counter(), 0.0, began
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        while last < began + seconds:
            connection.sendall(request)
            seen[answer(stream)] += 1
            now = time.monotonic()
            most, last = max(most, now - last), now
    with lock:
        counts[port] += seen
        longest[port] = max(longest[port], most)
        ends.append(last)


began = time.monotonic()
threads = [threading.Thread(target=ask, args=(port,)) for port in ports for _ in range(connections)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"seconds": max(ends) - began,
                  "ports": [{"statuses": {str(key): value for key, value in counts[port].items()}, "longest": longest[port]} for port in ports]}))
