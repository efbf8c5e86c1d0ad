"""Clients that say no more after their request, and clients that go, on raw sockets.

    half_closed.py FILE [tls]

Prints the app's port, then waits until FILE has the address of the HTTP API, which may speak TLS. /quick answers at once, /slow when /go has been asked for, /big with
four megabytes; `gone` is printed by the app when the connection of a slow call ends before its answer. Prints what each client got, ends with 1
when that is not all.
"""

import os
import socket
import ssl
import struct
import sys
import threading
import time

released, waiting, gone = threading.Event(), threading.Event(), threading.Event()
BIG = b"x" * (4 << 20)


def serve(connection):
    with connection, connection.makefile("rb") as stream:
        while line := stream.readline():
            length = 0
            while (field := stream.readline()) not in (b"\r\n", b""):
                name, _, value = field.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = stream.read(length)
            path = line.split(b" ")[1]
            answer = BIG if path == b"/big" else path[1:] + b":" + body
            if path == b"/slow":
                waiting.set()
                connection.settimeout(0.05)
                while not released.is_set():
                    try:
                        if connection.recv(1, socket.MSG_PEEK) == b"":
                            gone.set()
                            return
                    except TimeoutError:
                        pass
                    except OSError:
                        gone.set()
                        return
                connection.settimeout(None)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(answer) + answer)


def listen():
    server = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept():
        while True:
            threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


def request(method, body=b"", path=b"/v1.0/invoke/demo/method/"):
    return b"POST %b%b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path, method, len(body)) + body


def connect():
    connection = socket.create_connection(address, timeout=30)
    connection.settimeout(30)
    return connection


def everything(connection):
    answer = b""
    while part := connection.recv(1 << 20):
        answer += part
    return answer


def half_closed_tls(data, then):
    """The end is TLS's own (RFC 8446 §6.1): the connection below stays as it is."""
    context = ssl._create_unverified_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)
    with connect() as connection:

        def work(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                    part = connection.recv(1 << 16)
                    incoming.write(part) if part else incoming.write_eof()
                finally:
                    connection.sendall(outgoing.read())

        work(tls.do_handshake)
        work(lambda: tls.write(data))
        try:
            tls.unwrap()
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
        then()
        answer = b""
        try:
            while part := work(lambda: tls.read(1 << 16)):
                answer += part
        except ssl.SSLZeroReturnError:
            pass
        return answer


def half_closed(data, then=lambda: None):
    if len(sys.argv) > 2:
        return half_closed_tls(data, then)
    with connect() as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        then()
        return everything(connection)


def release():
    assert waiting.wait(20), "the app has not been called"
    time.sleep(0.3)
    released.set()


def fresh():
    released.clear()
    waiting.clear()
    gone.clear()


def check(name, good, told=""):
    print(f"{'ok ' if good else 'BAD'} {name}" + ("" if good else f" {told!r}"), flush=True)
    fine.append(good)


print(listen(), flush=True)
while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read().endswith("\n"):
    time.sleep(0.02)
host, _, port = open(sys.argv[1]).read().strip().rpartition(":")
address, fine = (host, int(port)), []
deadline = time.monotonic() + 20
while b" 200 " not in half_closed(request(b"quick")) and time.monotonic() < deadline:
    time.sleep(0.05)

answer = half_closed(request(b"quick", b"a"))
check("a quick answer", answer.endswith(b"\r\n\r\nquick:a"), answer)
answer = half_closed(b"GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n\r\n")
check("an answer of the API itself", answer.startswith(b"HTTP/1.1 204"), answer)
fresh()
answer = half_closed(request(b"slow", b"b"), release)
check("a slow answer", answer.endswith(b"\r\n\r\nslow:b"), answer)
fresh()
answer = half_closed(request(b"quick", b"1") + request(b"slow", b"2") + request(b"quick", b"3"), release)
places = [answer.find(part) for part in (b"quick:1", b"slow:2", b"quick:3")]
check("answers of pipelined requests", -1 not in places and places == sorted(places) and answer.count(b"HTTP/1.1 200") == 3, answer)
answer = half_closed(request(b"big"))
check("a big answer", answer.endswith(BIG), len(answer))
answer = half_closed(request(b"quick", b"1") + request(b"quick", b"23")[:-1])
check("one complete request before a cut one", answer.count(b"HTTP/1.1 200") == 1 and answer.endswith(b"quick:1"), answer)
answer = half_closed(request(b"quick", b"23")[:-1])
check("a cut body gets no answer of the app", b"quick:" not in answer, answer)
answer = half_closed(b"POST /v1.0/invoke/demo/method/quick HTTP/1.1\r\nHo")
check("a cut head gets no answer", b" 200 " not in answer, answer)

if len(sys.argv) > 2:
    sys.exit(0 if all(fine) and len(fine) == 8 else 1)
fresh()
connection = connect()
connection.sendall(request(b"slow"))
assert waiting.wait(20)
connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
connection.close()
check("a client that resets its connection cancels its call", gone.wait(20))
fresh()
connection = connect()
connection.sendall(request(b"slow"))
assert waiting.wait(20)
connection.shutdown(socket.SHUT_WR)
time.sleep(0.3)
kept = not gone.is_set()
connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
connection.close()
check("and one that has been half closed before", kept and gone.wait(20))
sys.exit(0 if all(fine) and len(fine) == 10 else 1)
