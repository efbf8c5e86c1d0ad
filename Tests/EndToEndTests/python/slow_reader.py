"""Reads a long answer over HTTP/1.1 whose connection is closed after it, with a rest of three seconds. Argument: the HTTP port.

What it has is the state store `store`. Ends with a traceback unless all of the answer comes.
"""

import json
import socket
import sys
import time
import urllib.request

PORT = int(sys.argv[1])
for number in range(12):
    body = json.dumps([{"key": f"k{number}", "value": "x" * 2_000_000}]).encode()
    urllib.request.urlopen(urllib.request.Request(
        f"http://127.0.0.1:{PORT}/v1.0/state/store", body, {"content-type": "application/json"}), timeout=30).read()
body = json.dumps({"keys": [f"k{number}" for number in range(12)]}).encode()
with socket.socket() as link:
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
    link.settimeout(30)
    link.connect(("127.0.0.1", PORT))
    link.sendall(
        b"POST /v1.0/state/store/bulk HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n"
        + f"content-length: {len(body)}\r\n\r\n".encode() + body)
    answer = link.recv(1000)
    time.sleep(3)  # longer than a closing connection is given to be quiet
    while part := link.recv(1 << 20):
        answer += part
head, _, rest = answer.partition(b"\r\n\r\n")
length = int(next(line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")))
assert len(rest) == length > 24_000_000, f"{len(rest)} of {length} bytes came"
