"""Requests that could be read in two ways, on raw sockets, against a runtime before an app that notes every byte it gets.

    smuggling.py FILE

Prints the app's port, then waits until FILE has two addresses: of the HTTP API, and of the listener for other runtimes. Each request must be
refused without the app having seen anything, or reach the app as exactly one. Ends with 1 when one does not, and says which.
"""

import json
import os
import socket
import struct
import sys
import threading
import time

EVIL = b"GET /v1.0/invoke/demo/method/evil HTTP/1.1\r\nHost: x\r\n\r\n"
seen, lock = [], threading.Lock()


# MARK: the app


class Odd(Exception):
    pass


def take(stream, count):
    data = stream.read(count)
    if len(data) != count:
        raise Odd(f"{len(data)} bytes of {count}")
    return data


def one(stream):
    """A request, read as strictly as can be; None at the end."""
    first = stream.readline()
    if not first:
        return None
    words = first[:-2].split(b" ")
    if not first.endswith(b"\r\n") or len(words) != 3 or words[2] != b"HTTP/1.1":
        raise Odd(repr(first))
    fields = []
    while (line := stream.readline()) != b"\r\n":
        name, colon, value = line[:-2].partition(b":")
        if not line.endswith(b"\r\n") or not colon or not name or name != name.strip() or any(byte < 32 and byte != 9 for byte in value):
            raise Odd(repr(line))
        fields.append((name.lower(), value.strip()))
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    if len(lengths) + len(codings) > 1 or codings not in ([], [b"chunked"]) or not all(value.isdigit() for value in lengths):
        raise Odd(repr(fields))
    body = b""
    if codings:
        while size := int(stream.readline() or b"-1", 16):
            body += take(stream, size) if size > 0 else take(stream, 1 << 30)
            if take(stream, 2) != b"\r\n":
                raise Odd("the end of a chunk")
        while stream.readline() != b"\r\n":
            pass
    elif lengths:
        body = take(stream, int(lengths[0]))
    return {"line": first[:-2].decode("latin-1"), "fields": [(n.decode("latin-1"), v.decode("latin-1")) for n, v in fields], "body": body.decode("latin-1")}


def serve(connection):
    stream = connection.makefile("rb")
    try:
        while request := one(stream):
            if "/dapr/" not in request["line"] and "healthz" not in request["line"]:
                with lock:
                    seen.append(request)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    except Odd as error:
        # A request that its sender broke off is none.
        if "bytes of" not in str(error):
            with lock:
                seen.append({"line": "ODD " + str(error), "fields": [], "body": ""})
    except OSError:
        pass
    connection.close()


def listen():
    server = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


# MARK: HTTP/1.1


def head(*lines, method=b"POST", target=b"/v1.0/invoke/demo/method/a", version=b"HTTP/1.1", host=b"Host: x"):
    return b"\r\n".join([method + b" " + target + b" " + version, *([host] if host else []), *lines]) + b"\r\n\r\n"


CHUNKED = b"Transfer-Encoding: chunked"
FIVE = b"Content-Length: 5"
# Name, bytes, what may become of it: refused, one, either of them, two, or nothing yet (silent; cut by its sender).
HTTP1 = [
    ("plain", head(FIVE) + b"hello", "one"),
    ("plain, chunked", head(CHUNKED) + b"5\r\nhello\r\n0\r\n\r\n", "one"),
    ("length, then chunked", head(FIVE, CHUNKED) + b"0\r\n\r\n" + EVIL, "refused"),
    ("chunked, then length", head(CHUNKED, FIVE) + b"0\r\n\r\n" + EVIL, "refused"),
    ("two lengths that differ", head(FIVE, b"Content-Length: 6") + b"hello" + EVIL, "refused"),
    ("two lengths alike", head(FIVE, FIVE) + b"hello", "refused"),
    ("a list of lengths", head(b"Content-Length: 5, 5") + b"hello", "refused"),
    ("a list of lengths that differ", head(b"Content-Length: 5, 6") + b"hello" + EVIL, "refused"),
    ("length with plus", head(b"Content-Length: +5") + b"hello", "refused"),
    ("length with minus", head(b"Content-Length: -5") + b"hello", "refused"),
    ("length -1", head(b"Content-Length: -1") + EVIL, "refused"),
    ("length in hexadecimal", head(b"Content-Length: 0x5") + b"hello", "refused"),
    ("length with a space inside", head(b"Content-Length: 5 5") + b"hello", "refused"),
    ("length with a point", head(b"Content-Length: 5.0") + b"hello", "refused"),
    ("length with an exponent", head(b"Content-Length: 5e0") + b"hello", "refused"),
    ("length with zeros before it", head(b"Content-Length: 0005") + b"hello", "either"),
    ("length that is empty", head(b"Content-Length: ") + EVIL, "refused"),
    ("length beyond 64 bits", head(b"Content-Length: 18446744073709551621") + b"hello" + EVIL, "refused"),
    ("length with an underscore", head(b"Content_Length: 55", FIVE) + b"hello", "either"),
    ("length before a vertical tab", head(b"Content-Length: 5\x0b") + b"hello", "refused"),
    ("space before the colon", head(b"Content-Length : 5") + b"hello" + EVIL, "refused"),
    ("tab before the colon", head(b"Content-Length\t: 5") + b"hello" + EVIL, "refused"),
    ("space before the colon of the coding", head(b"Transfer-Encoding : chunked", FIVE) + b"0\r\n\r\n" + EVIL, "refused"),
    ("space before a name", head(b"X: y", b" Content-Length: 5") + b"hello" + EVIL, "refused"),
    ("folded line", head(b"X: y\r\n z", FIVE) + b"hello", "refused"),
    ("folded coding", head(b"Transfer-Encoding:\r\n chunked", FIVE) + b"0\r\n\r\n" + EVIL, "refused"),
    ("folded first field", b"POST /v1.0/invoke/demo/method/a HTTP/1.1\r\n Host: x\r\n\r\n", "refused"),
    ("bare line feeds", head(FIVE).replace(b"\r\n", b"\n") + b"hello", "refused"),
    ("bare line feed in the head", head(b"X: y\nContent-Length: 5") + b"hello" + EVIL, "refused"),
    ("bare line feed at its end", head(FIVE)[:-2] + b"\n" + b"hello", "refused"),
    ("bare carriage return in a value", head(b"X: y\rTransfer-Encoding: chunked", FIVE) + b"hello", "refused"),
    ("bare carriage return for an end", head(FIVE).replace(b"\r\n", b"\r") + b"hello", "silent"),
    ("NUL in a value", head(b"X: a\0b", FIVE) + b"hello", "refused"),
    ("NUL in a name", head(b"X\0Y: a", FIVE) + b"hello", "refused"),
    ("control character in a value", head(b"X: a\x01b", FIVE) + b"hello", "refused"),
    ("bytes beyond ASCII in a value", head(b"X: \xff\xfe", FIVE) + b"hello", "either"),
    ("bytes beyond ASCII in a name", head(b"X\xffY: a", FIVE) + b"hello", "refused"),
    ("name that is empty", head(b": a", FIVE) + b"hello", "refused"),
    ("line without a colon", head(b"nothing", FIVE) + b"hello", "refused"),
    ("coding xchunked", head(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n" + EVIL, "refused"),
    ("coding chunked, identity", head(b"Transfer-Encoding: chunked, identity") + b"0\r\n\r\n" + EVIL, "refused"),
    ("coding identity", head(b"Transfer-Encoding: identity", FIVE) + b"hello", "refused"),
    ("coding gzip, chunked", head(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n" + EVIL, "refused"),
    ("coding twice", head(CHUNKED, CHUNKED) + b"0\r\n\r\n" + EVIL, "refused"),
    ("coding twice, once otherwise", head(CHUNKED, b"Transfer-Encoding: x") + b"0\r\n\r\n" + EVIL, "refused"),
    ("coding in quotes", head(b'Transfer-Encoding: "chunked"', FIVE) + b"0\r\n\r\n" + EVIL, "refused"),
    ("coding with a tab", head(b"Transfer-Encoding:\tchunked") + b"5\r\nhello\r\n0\r\n\r\n", "either"),
    ("coding with a vertical tab", head(b"Transfer-Encoding: \x0bchunked", FIVE) + b"0\r\n\r\n" + EVIL, "refused"),
    ("coding with a parameter", head(b"Transfer-Encoding: chunked;q=1") + b"0\r\n\r\n" + EVIL, "refused"),
    ("coding with commas", head(b"Transfer-Encoding: ,chunked") + b"5\r\nhello\r\n0\r\n\r\n", "refused"),
    ("coding in capitals", head(b"TRANSFER-ENCODING: CHUNKED") + b"5\r\nhello\r\n0\r\n\r\n", "either"),
    ("coding of HTTP/1.0", head(CHUNKED, version=b"HTTP/1.0") + b"0\r\n\r\n" + EVIL, "refused"),
    ("coding by connection", head(b"Connection: transfer-encoding", CHUNKED) + b"5\r\nhello\r\n0\r\n\r\n", "either"),
    ("length by connection", head(b"Connection: content-length", FIVE) + b"hello", "either"),
    ("host by connection", head(b"Connection: host, x-forwarded-for", FIVE) + b"hello", "either"),
    ("chunk size that is negative", head(CHUNKED) + b"-5\r\nhello\r\n0\r\n\r\n" + EVIL, "refused"),
    ("chunk size with plus", head(CHUNKED) + b"+5\r\nhello\r\n0\r\n\r\n", "refused"),
    ("chunk size with 0x", head(CHUNKED) + b"0x5\r\nhello\r\n0\r\n\r\n" + EVIL, "refused"),
    ("chunk size of 17 digits", head(CHUNKED) + b"10000000000000005\r\nhello\r\n0\r\n\r\n" + EVIL, "refused"),
    ("chunk size of 64 bits", head(CHUNKED) + b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n" + EVIL, "refused"),
    ("chunk size that is empty", head(CHUNKED) + b"\r\nhello\r\n0\r\n\r\n" + EVIL, "refused"),
    ("chunk size with a space before it", head(CHUNKED) + b" 5\r\nhello\r\n0\r\n\r\n", "refused"),
    ("chunk size with a space behind it", head(CHUNKED) + b"5 \r\nhello\r\n0\r\n\r\n", "refused"),
    ("chunk size with letters", head(CHUNKED) + b"5g\r\nhello\r\n0\r\n\r\n", "refused"),
    ("chunk extension", head(CHUNKED) + b"5;a=b\r\nhello\r\n0;c\r\n\r\n", "either"),
    ("chunk extension with a bare line feed", head(CHUNKED) + b"5;a\nhello\r\n0\r\n\r\n" + EVIL, "refused"),
    ("chunk extension with a bare carriage return", head(CHUNKED) + b"5;a\rb\r\nhello\r\n0\r\n\r\n", "refused"),
    ("chunk extension of 64 KiB", head(CHUNKED) + b"5;" + b"a" * 65536 + b"\r\nhello\r\n0\r\n\r\n", "refused"),
    ("chunk longer than it says", head(CHUNKED) + b"5\r\nhelloXX\r\n0\r\n\r\n", "refused"),
    ("chunk with a bare line feed", head(CHUNKED) + b"5\r\nhello\n0\r\n\r\n" + EVIL, "refused"),
    ("chunks with bare line feeds alone", head(CHUNKED) + b"5\nhello\n0\n\n", "refused"),
    ("zeros before a chunk size", head(CHUNKED) + b"0000005\r\nhello\r\n0\r\n\r\n", "either"),
    ("trailers", head(CHUNKED) + b"5\r\nhello\r\n0\r\nX-T: a\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\n\r\n", "either"),
    ("trailer that is no field", head(CHUNKED) + b"5\r\nhello\r\n0\r\nGET /evil HTTP/1.1\r\n\r\n", "refused"),
    ("no host", head(FIVE, host=None) + b"hello", "refused"),
    ("two hosts", head(b"Host: y", FIVE) + b"hello", "refused"),
    ("two hosts alike", head(b"Host: x", FIVE) + b"hello", "refused"),
    ("HTTP/0.9", b"GET /v1.0/invoke/demo/method/a\r\n", "silent"),
    ("HTTP/0.9 with an end", b"GET /v1.0/invoke/demo/method/a\r\n\r\n", "refused"),
    ("HTTP/1.2", head(FIVE, version=b"HTTP/1.2") + b"hello", "refused"),
    ("HTTP/2.0", head(FIVE, version=b"HTTP/2.0") + b"hello", "refused"),
    ("http/1.1 in small letters", head(FIVE, version=b"http/1.1") + b"hello", "refused"),
    ("HTTP/1.1 and more", head(FIVE, version=b"HTTP/1.1 x") + b"hello", "refused"),
    ("no version", head(FIVE, version=b"") + b"hello", "refused"),
    ("absolute target", head(FIVE, target=b"http://evil/v1.0/invoke/demo/method/a") + b"hello", "either"),
    ("absolute target by field", head(FIVE, b"dapr-app-id: demo", target=b"http://evil/a") + b"hello", "either"),
    ("target with a space", head(FIVE, target=b"/v1.0/invoke/demo/method/a b") + b"hello", "refused"),
    ("target with a tab", head(FIVE, target=b"/v1.0/invoke/demo/method/a\tb") + b"hello", "refused"),
    ("target with NUL", head(FIVE, target=b"/v1.0/invoke/demo/method/a\0b") + b"hello", "refused"),
    ("target with CR LF by escapes", head(FIVE, target=b"/v1.0/invoke/demo/method/a%0d%0aX:%20y") + b"hello", "either"),
    ("target with a fragment", head(FIVE, target=b"/v1.0/invoke/demo/method/a#b") + b"hello", "refused"),
    ("target of bytes beyond ASCII", head(FIVE, target=b"/v1.0/invoke/demo/method/\xff") + b"hello", "either"),
    ("two spaces before the target", head(FIVE, method=b"POST ") + b"hello", "refused"),
    ("tab behind the method", head(FIVE).replace(b"POST ", b"POST\t") + b"hello", "refused"),
    ("space before the method", b" " + head(FIVE) + b"hello", "refused"),
    ("method with a colon", head(FIVE, method=b"PO:ST") + b"hello", "refused"),
    ("empty lines before it", b"\r\n\r\n" + head(FIVE) + b"hello", "either"),
    ("bare line feed before it", b"\n" + head(FIVE) + b"hello", "refused"),
    ("CONNECT", head(method=b"CONNECT", target=b"evil:80") + EVIL, "refused"),
    ("upgrade", head(b"Connection: upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__", FIVE) + b"hello", "either"),
    ("upgrade to a socket", head(b"Connection: upgrade", b"Upgrade: websocket", FIVE) + b"hello", "either"),
    ("expectation", head(b"Expect: 100-continue", FIVE) + b"hello", "either"),
    ("expectation of something else", head(b"Expect: 200-ok", FIVE) + b"hello", "either"),
    ("pipelined behind a length", head(FIVE) + b"hello" + head(b"Content-Length: 3") + b"two", "two"),
    ("pipelined behind chunks", head(CHUNKED) + b"5\r\nhello\r\n0\r\n\r\n" + head(b"Content-Length: 3") + b"two", "two"),
    ("GET with a body, pipelined", head(FIVE, method=b"GET") + b"hello" + head(b"Content-Length: 3") + b"two", "two"),
    ("HEAD with a body, pipelined", head(FIVE, method=b"HEAD") + b"hello" + head(b"Content-Length: 3") + b"two", "two"),
    ("behind close", head(FIVE, b"Connection: close") + b"hello" + EVIL, "one"),
    ("behind one that is refused", head(FIVE, b"Content-Length: 6") + b"hello" + EVIL, "refused"),
    ("behind an answer without its body", head(b"Content-Length: 1000", target=b"/v1.0/nothing") + EVIL, "silent"),
    ("body that does not come", head(b"Content-Length: 500") + b"hello", "cut"),
    ("chunks that do not end", head(CHUNKED) + b"5\r\nhello\r\n", "cut"),
]


def talk(address, data, wanted=1, leaves=False, patience=10):
    """What comes back: to the end, or until there are as many answers as wanted and nothing more comes."""
    with socket.create_connection(address, timeout=patience) as connection:
        answer = b""
        try:
            connection.sendall(data)
            if leaves:
                return answer
            while part := connection.recv(65536):
                answer += part
                if len(statuses_of(answer)) >= wanted:
                    connection.settimeout(0.2)
        except OSError:
            pass
    return answer


def statuses_of(answer):
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit() and part[:3] != b"100"]


def settled(count):
    """What the app has seen, when nothing more comes."""
    deadline = time.monotonic() + 10
    while len(seen) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.03)
    with lock:
        found = list(seen)
        seen.clear()
    return found


def judge(name, found, expected, statuses, told):
    bodies = [request["body"] for request in found]
    good = not any("evil" in request["line"] or request["line"].startswith("ODD") for request in found)
    # What a proxy says of a connection ends with it.
    for request in found:
        names = [name for name, _ in request["fields"]]
        good &= not set(names) & {"upgrade", "http2-settings", "te", "keep-alive", "proxy-connection"} and len(set(names) & {"host"}) == 1
        good &= names.count("dapr-caller-app-id") == 1
    refused = not found and all(status >= 400 for status in statuses)
    single = len(found) == 1 and bodies in (["hello"], [""]) and 200 in statuses
    if expected == "refused":
        good &= refused
    elif expected == "one":
        good &= single
    elif expected == "two":
        good &= len(found) == 2 and bodies == ["hello", "two"]
    elif expected in ("cut", "silent"):
        good &= not found
    else:
        good &= refused or single
    outcome = "refused" if refused else f"{len(found)} seen"
    print(f"{'ok ' if good else 'BAD'} {name}: {outcome} {statuses}" + ("" if good else f" {found} {told!r}"), flush=True)
    return good


def http1(address):
    good = True
    for name, data, expected in HTTP1:
        answer = talk(address, data, 2 if expected == "two" else 1, expected == "cut", 0.5 if expected == "silent" else 10)
        statuses = statuses_of(answer)
        found = settled({"one": 1, "two": 2}.get(expected, 1 if expected == "either" and 200 in statuses else 0))
        good &= judge(name, found, expected, statuses, answer[:200])
    return good


# MARK: HTTP/2


def block(*fields):
    """Header fields as literals that nobody keeps (RFC 7541 §6.2.2)."""
    out = b""
    for name, value in fields:
        out += b"\0"
        for text in (name, value):
            out += bytes([len(text)]) if len(text) < 127 else b"\x7f" + varint(len(text) - 127)
            out += text
    return out


def varint(number):
    out = b""
    while number >= 128:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


M, S, A, P = (b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"x"), (b":path", b"/v1.0/invoke/demo/method/a")
FINE = (M, S, P, A)
L5 = (b"content-length", b"5")
HTTP2 = [
    ("plain", FINE + (L5,), "one"),
    ("without a length", FINE, "one"),
    ("connection", FINE + ((b"connection", b"close"),), "refused"),
    ("connection that names a field", FINE + ((b"connection", b"x-a"), (b"x-a", b"b")), "refused"),
    ("keep-alive", FINE + ((b"keep-alive", b"1"),), "refused"),
    ("proxy-connection", FINE + ((b"proxy-connection", b"x"),), "refused"),
    ("transfer-encoding", FINE + ((b"transfer-encoding", b"chunked"),), "refused"),
    ("transfer-encoding with a length", FINE + (L5, (b"transfer-encoding", b"chunked")), "refused"),
    ("upgrade", FINE + ((b"upgrade", b"h2c"),), "refused"),
    ("te gzip", FINE + ((b"te", b"gzip"),), "refused"),
    ("te trailers, gzip", FINE + ((b"te", b"trailers, gzip"),), "refused"),
    ("te trailers", FINE + ((b"te", b"trailers"),), "one"),
    ("pseudo field behind others", (M, S, A, (b"x", b"y"), P), "refused"),
    ("method behind others", (S, P, A, (b"x", b"y"), M), "refused"),
    ("two paths", FINE + (P,), "refused"),
    ("two methods", (M, M, S, P, A), "refused"),
    ("two schemes", (M, S, S, P, A), "refused"),
    ("two authorities", (M, S, P, A, A), "refused"),
    ("no path", (M, S, A), "refused"),
    ("no method", (S, P, A), "refused"),
    ("no scheme", (M, P, A), "refused"),
    ("no authority and no host", (M, S, P), "either"),
    ("path that is empty", (M, S, (b":path", b""), A), "refused"),
    ("path without a slash", (M, S, (b":path", b"v1.0/invoke/demo/method/a"), A), "refused"),
    ("path *", (M, S, (b":path", b"*"), A), "refused"),
    ("absolute path", (M, S, (b":path", b"http://evil/v1.0/invoke/demo/method/a"), A), "refused"),
    ("pseudo field that is none", FINE + ((b":foo", b"x"),), "refused"),
    (":status", FINE + ((b":status", b"200"),), "refused"),
    (":protocol", (M, S, P, A, (b":protocol", b"websocket")), "refused"),
    ("CONNECT to another protocol", ((b":method", b"CONNECT"), (b":protocol", b"h2c"), S, P, A), "refused"),
    ("CONNECT to a WebSocket without a path", ((b":method", b"CONNECT"), (b":protocol", b"websocket"), S, A), "refused"),
    ("two protocols", ((b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":protocol", b"h2c"), S, P, A), "refused"),
    ("capitals in a name", FINE + ((b"X-A", b"b"),), "refused"),
    ("space in a name", FINE + ((b"x a", b"b"),), "refused"),
    ("colon in a name", FINE + ((b"x:a", b"b"),), "refused"),
    ("CR LF in a name", FINE + ((b"x\r\ny", b"b"),), "refused"),
    ("name that is empty", FINE + ((b"", b"b"),), "refused"),
    ("CR LF in a value", FINE + ((b"x-a", b"b\r\nx-evil: c"),), "refused"),
    ("LF in a value", FINE + ((b"x-a", b"b\nx-evil: c"),), "refused"),
    ("CR in a value", FINE + ((b"x-a", b"b\rx-evil: c"),), "refused"),
    ("NUL in a value", FINE + ((b"x-a", b"b\0c"),), "refused"),
    ("space before a value", FINE + ((b"x-a", b" b"),), "either"),
    ("space behind a value", FINE + ((b"x-a", b"b "),), "either"),
    ("CR LF in the path", (M, S, (b":path", P[1] + b" HTTP/1.1\r\nx-evil: c"), A), "refused"),
    ("space in the path", (M, S, (b":path", P[1] + b" HTTP/1.1"), A), "refused"),
    ("fragment in the path", (M, S, (b":path", P[1] + b"#b"), A), "refused"),
    ("bytes beyond ASCII in the path", (M, S, (b":path", P[1] + b"\xff"), A), "either"),
    ("CR LF in the method", ((b":method", b"POST /evil HTTP/1.1\r\nx: y\r\n\r\nGET"), S, P, A), "refused"),
    ("space in the method", ((b":method", b"GET /evil"), S, P, A), "refused"),
    ("method that is empty", ((b":method", b""), S, P, A), "refused"),
    ("CR LF in the authority", (M, S, P, (b":authority", b"x\r\nx-evil: c")), "refused"),
    ("space in the authority", (M, S, P, (b":authority", b"x y")), "refused"),
    ("CR LF in the scheme", (M, (b":scheme", b"http\r\nx: y"), P, A), "refused"),
    ("scheme with a path", (M, (b":scheme", b"http://evil/?"), P, A), "either"),
    ("host beside the authority", FINE + ((b"host", b"evil"),), "either"),
    ("two hosts", (M, S, P, (b"host", b"a"), (b"host", b"b")), "refused"),
    ("CONNECT", ((b":method", b"CONNECT"), (b":authority", b"evil:80")), "refused"),
    ("length that is too long", FINE + ((b"content-length", b"50"),), "refused"),
    ("length that is too short", FINE + ((b"content-length", b"3"),), "refused"),
    ("length 0 with a body", FINE + ((b"content-length", b"0"),), "refused"),
    ("two lengths that differ", FINE + (L5, (b"content-length", b"6")), "refused"),
    ("two lengths alike", FINE + (L5, L5), "refused"),
    ("length with plus", FINE + ((b"content-length", b"+5"),), "refused"),
    ("length with minus", FINE + ((b"content-length", b"-5"),), "refused"),
    ("a list of lengths", FINE + ((b"content-length", b"5, 5"),), "refused"),
    ("length that is empty", FINE + ((b"content-length", b""),), "refused"),
    ("length beyond 64 bits", FINE + ((b"content-length", b"18446744073709551621"),), "refused"),
]


def http2(address, more=()):
    good = True
    cases = [(name, fields, expected, frame(0, 1, 1, b"hello")) for name, fields, expected in HTTP2]
    cases += [
        ("length without a body", FINE + (L5,), "refused", None),
        ("trailers with a pseudo field", FINE, "refused", frame(0, 0, 1, b"hello") + frame(1, 5, 1, block((b":path", b"/evil")))),
        ("trailers with a connection field", FINE, "refused", frame(0, 0, 1, b"hello") + frame(1, 5, 1, block((b"connection", b"x")))),
        ("trailers", FINE, "either", frame(0, 0, 1, b"hello") + frame(1, 5, 1, block((b"x-t", b"a"), (b"content-length", b"9")))),
        ("body that does not end", FINE + (L5,), "cut", frame(0, 0, 1, b"hel")),
    ]
    for name, fields, expected, body in cases:
        fields = tuple((n, v) if n != b":path" or not more else (n, v.replace(b"/v1.0/invoke/demo/method", b"")) for n, v in fields) + tuple(more)
        data = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4 if body else 5, 1, block(*fields)) + (body or b"")
        statuses = ask2(address, data, expected)
        found = settled(1 if expected in ("one", "either") and 200 in statuses else 0)
        if any("x-evil" in dict(request["fields"]) for request in found):
            good = False
        good &= judge("h2 " + name, found, expected, statuses, b"")
    return good


def ask2(address, data, expected):
    """The status of stream 1: 200, 400 for what was refused in any way."""
    with socket.create_connection(address, timeout=5 if expected != "cut" else 0.5) as connection:
        connection.sendall(data)
        stream = connection.makefile("rb")
        try:
            while header := stream.read(9):
                length, kind, number = int.from_bytes(header[:3], "big"), header[3], int.from_bytes(header[5:9], "big")
                payload = stream.read(length)
                if kind == 4 and not header[4] & 1:
                    connection.sendall(frame(4, 1, 0, b""))
                if kind == 1 and number == 1:
                    return [200 if payload[0] == 0x88 else 400]
                if kind == 3 and number == 1 or kind == 7 and int.from_bytes(payload[4:8], "big"):
                    return [400]
        except OSError:
            pass
    return [] if expected == "cut" else [400]


print(listen(), flush=True)
while not os.path.exists(sys.argv[1]) or open(sys.argv[1]).read().count("\n") < 2:
    time.sleep(0.02)
addresses = [(host, int(port)) for host, _, port in (line.rpartition(":") for line in open(sys.argv[1]).read().split())]
# The app is known to be up.
while b" 200 " not in talk(addresses[0], HTTP1[0][1]):
    time.sleep(0.05)
settled(0)
fine = http1(addresses[0])
fine &= http2(addresses[0])
fine &= http2(addresses[1], [(b"dapr-callee-app-id", b"demo"), (b"dapr-caller-app-id", b"other")])
print(json.dumps({"http1": len(HTTP1), "http2": len(HTTP2)}))
sys.exit(0 if fine else 1)
