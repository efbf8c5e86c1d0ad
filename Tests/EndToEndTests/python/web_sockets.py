"""WebSockets by way of runtimes: an app that takes them, and clients.

    web_sockets.py FILE

Prints the app's port, then waits until FILE has the URLs of HTTP APIs by which the app is called as `callee`. Prints what has gone well and
what not, ends with 1 when something has not.
"""

import asyncio
import json
import os
import socket
import ssl
import struct
import sys

import aiohttp
import h2.config
import h2.connection
import h2.events
import h2.settings
from aiohttp import web

seen, ended, fine = [], asyncio.Event(), []
# The tests' authorities are for other names.
ANYBODY = ssl._create_unverified_context()
MEGABYTE = os.urandom(1 << 20)


# MARK: the app


async def take(request):
    seen.append(request.path)
    kind = request.path.strip("/").split("/")[0]
    if kind == "refuse":
        return web.json_response({"why": "not today"}, status=403, headers={"x-why": "policy"})
    if kind == "plain":
        return web.Response(text="plain")
    if kind == "dapr":
        return web.Response(status=404)
    if kind == "socket-or-not" and "sec-websocket-key" not in request.headers:
        return web.Response(text="not")
    answer = web.WebSocketResponse(protocols=["v2.chat", "v1.chat"], max_msg_size=0, compress=kind != "raw")
    await answer.prepare(request)
    if kind == "facts":
        await answer.send_json({"headers": dict(request.headers), "path": request.raw_path, "method": request.method})
    if kind == "push":
        for _ in range(32):
            await answer.send_bytes(MEGABYTE)
        await answer.close(code=4001, message=b"that is all")
        return answer
    total = 0
    async for message in answer:
        if kind == "sum":
            total += len(message.data)
            if message.type == aiohttp.WSMsgType.TEXT:
                await answer.send_str(str(total - len(message.data)))
        elif message.type == aiohttp.WSMsgType.TEXT:
            await answer.send_str(message.data)
        elif message.type == aiohttp.WSMsgType.BINARY:
            await answer.send_bytes(message.data)
    seen.append(f"closed {answer.close_code}")
    ended.set()
    return answer


async def until(condition, patience=20):
    for _ in range(patience * 100):
        if condition():
            return True
        await asyncio.sleep(0.01)
    return False


# MARK: clients


def check(name, good, told=""):
    print(f"{'ok ' if good else 'BAD'} {name}" + ("" if good else f" {told!r}"), flush=True)
    fine.append(good)


async def talk(session, name, url, headers):
    def connect(path, **more):
        return session.ws_connect(url + path, headers=headers, max_msg_size=0, **more)

    async with connect("/echo", compress=15) as one:
        for size in (0, 1, 125, 126, 65535, 65536, 5 << 20):
            data = (MEGABYTE * 6)[:size]
            await one.send_bytes(data)
            check(f"{name}: {size} bytes", await one.receive_bytes() == data)
        for number in range(300):
            await one.send_str(f"message {number}")
        got = [await one.receive_str() for _ in range(300)]
        check(f"{name}: three hundred messages in order", got == [f"message {number}" for number in range(300)])
        ended.clear()
        await one.close(code=4000, message=b"enough")
        await asyncio.wait_for(ended.wait(), 20)
        check(f"{name}: the client's code reaches the app", seen[-1] == "closed 4000", seen[-1])

    async with connect("/facts/a%20b?c=d&e=f", protocols=["v1.chat", "unknown"]) as one:
        facts = await one.receive_json()
        names = {key.lower(): value for key, value in facts["headers"].items()}
        good = facts["method"] == "GET" and facts["path"] == "/facts/a%20b?c=d&e=f" and names["x-own"] == "mine"
        good &= names["dapr-caller-app-id"] in ("caller", "callee") and one.protocol == "v1.chat" and "dapr-app-id" not in names
        check(f"{name}: path, fields, subprotocol", good, (facts, one.protocol))

    async with connect("/push") as one:
        total, number = 0, 0
        async for message in one:
            total += len(message.data)
            number += 1
            if number % 8 == 0:
                await asyncio.sleep(0.05)
        check(f"{name}: 32 megabytes to the client, and the app's code", total == 32 << 20 and one.close_code == 4001, (total, one.close_code))

    async with connect("/sum") as one:
        for _ in range(32):
            await one.send_bytes(MEGABYTE)
        await one.send_str("?")
        total = await one.receive_str()
        check(f"{name}: 32 megabytes to the app", total == str(32 << 20), total)

    for path, status, body in (("/refuse", 403, {"why": "not today"}), ("/plain", 200, None)):
        try:
            async with connect(path):
                check(f"{name}: {path} opens no WebSocket", False)
        except aiohttp.WSServerHandshakeError as error:
            check(f"{name}: {path} opens no WebSocket", error.status == status, error.status)

    # More than the connections that ordinary calls may have to an app, and such a call beside them.
    many = [await connect("/echo") for _ in range(100)]
    async with session.get(url.replace("ws", "http", 1) + "/plain", headers=headers) as answer:
        check(f"{name}: an ordinary call beside a hundred WebSockets", answer.status == 200 and await answer.text() == "plain")
    for number, one in enumerate(many):
        await one.send_str(str(number))
    got = [await one.receive_str() for one in many]
    check(f"{name}: a hundred at once", got == [str(number) for number in range(100)])
    await asyncio.gather(*(one.close() for one in many))


def request(path, *fields):
    lines = [f"GET {path} HTTP/1.1", "Host: x", "Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    return "\r\n".join(lines + ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="] + list(fields)).encode() + b"\r\n\r\n"


def opened(address, alpn=()):
    if not address[2]:
        return asyncio.open_connection(*address[:2])
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(list(alpn))
    return asyncio.open_connection(*address[:2], ssl=context)


async def raw(address, data, more=b""):
    """What comes back, up to the end."""
    reader, writer = await opened(address)
    writer.write(data)
    answer = b""
    try:
        if more:
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            writer.write(more)
        answer += await asyncio.wait_for(reader.read(), 20)
    except asyncio.IncompleteReadError as error:
        answer += error.partial
    writer.close()
    return answer


def frame(opcode, payload):
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + bytes(4) + payload


async def bytes_behind(name, address):
    """What is sent behind an upgrade is part of it, or is not read."""
    prefix = "/v1.0/invoke/callee/method"
    evil = f"GET {prefix}/evil HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    for path, status in ((prefix + "/refuse", b"403"), (prefix + "/plain", b"200"), ("/v1.0/invoke/nobody/method/x", b"500")):
        seen.clear()
        answer = await raw(address, request(path) + evil)
        good = answer.startswith(b"HTTP/1.1 " + status) and answer.count(b"HTTP/1.1 ") == 1 and b"connection: close" in answer
        good &= b"upgrade:" not in answer.lower() and "/evil" not in seen
        check(f"{name}: nothing is read behind an upgrade that {path} refuses", good, (answer, seen))
    seen.clear()
    ended.clear()
    answer = await raw(address, request(prefix + "/raw") + frame(1, b"early") + frame(8, b"\x0f\xa0"))
    good = answer.startswith(b"HTTP/1.1 101") and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer and answer[-11:-2] == b"\x81\x05early\x88\x02"
    check(f"{name}: frames that come early reach the app", good, answer)
    answer = await raw(address, request(prefix + "/raw"), evil)
    check(f"{name}: what is no frame is the app's to refuse", answer.startswith(b"HTTP/1.1 101") and "/evil" not in seen, (answer, seen))
    # An upgrade to something else, or of something else than GET, is an ordinary request.
    for data in (request(prefix + "/socket-or-not").replace(b"Upgrade: websocket", b"Upgrade: h2c").replace(b"Sec-WebSocket-Key", b"X-Key"),
                 request(prefix + "/socket-or-not", "Content-Length: 2").replace(b"GET", b"POST", 1).replace(b"Sec-WebSocket-Key", b"X-Key") + b"ab"):
        answer = await raw(address, data + evil.replace(b"evil", b"plain").replace(b"Host: x", b"Host: x\r\nConnection: close"))
        check(f"{name}: another upgrade is passed over", answer.count(b"HTTP/1.1 200") == 2 and answer.endswith(b"plain"), answer)
    answer = await raw(address, request("/v1.0/healthz") + b"GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    check(f"{name}: the API's own paths pass an upgrade over", answer.count(b"HTTP/1.1 204") == 2, answer)

    if address[2]:
        return
    ended.clear()
    connection = socket.create_connection(address[:2])
    connection.sendall(request(prefix + "/raw"))
    answer = await asyncio.get_running_loop().run_in_executor(None, connection.recv, 4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    gone = await until(ended.is_set)
    check(f"{name}: a client that breaks off ends the app's side", answer.startswith(b"HTTP/1.1 101") and gone)


class Stream:
    """One stream of HTTP/2 that is to be a WebSocket (RFC 8441)."""

    def __init__(self, connection, reader, writer):
        self.connection, self.reader, self.writer = connection, reader, writer
        self.status, self.fields, self.data, self.is_ended, self.settings = None, {}, b"", False, {}

    @classmethod
    async def open(cls, address, path):
        reader, writer = await opened(address, ["h2"])
        one = cls(h2.connection.H2Connection(h2.config.H2Configuration(validate_outbound_headers=False)), reader, writer)
        one.connection.initiate_connection()
        await one.until(lambda: one.settings)
        host = f"{address[0]}:{address[1]}"
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path), (":authority", host)]
        one.connection.send_headers(1, fields + [("sec-websocket-version", "13")])
        await one.until(lambda: one.status)
        return one

    async def until(self, condition):
        self.writer.write(self.connection.data_to_send())
        while not condition():
            data = await asyncio.wait_for(self.reader.read(65536), 20)
            assert data, "the connection has ended"
            for event in self.connection.receive_data(data):
                if isinstance(event, h2.events.RemoteSettingsChanged):
                    self.settings = {number: change.new_value for number, change in event.changed_settings.items()}
                elif isinstance(event, h2.events.ResponseReceived):
                    self.fields = {_text(name): _text(value) for name, value in event.headers}
                    self.status = int(self.fields[":status"])
                elif isinstance(event, h2.events.DataReceived):
                    self.data += event.data
                    self.connection.acknowledge_received_data(event.flow_controlled_length, 1)
                elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                    self.is_ended = True
            self.writer.write(self.connection.data_to_send())

    async def send(self, data, last=False):
        self.connection.send_data(1, data, end_stream=last)
        self.writer.write(self.connection.data_to_send())


def _text(value):
    return value if isinstance(value, str) else value.decode()


async def streams(name, address):
    """Clients that speak HTTP/2."""
    prefix = "/v1.0/invoke/callee/method"
    one = await Stream.open(address, prefix + "/raw")
    check(f"{name} h2: the settings say that it can be", one.settings.get(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1, one.settings)
    good = one.status == 200 and not {"sec-websocket-accept", "connection", "upgrade"} & set(one.fields)
    check(f"{name} h2: a WebSocket is opened", good, one.fields)
    await one.send(frame(1, b"hello"))
    await one.until(lambda: len(one.data) >= 7)
    await one.send(frame(8, b"\x0f\xa0"))
    await one.until(lambda: one.is_ended)
    check(f"{name} h2: frames go both ways", one.data[:9] == b"\x81\x05hello\x88\x02" and len(one.data) == 11, one.data)
    one.writer.close()
    for path, status, body in ((prefix + "/refuse", 403, b"not today"), (prefix + "/plain", 501, b"plain"), ("/v1.0/healthz", 501, b"no WebSocket")):
        one = await Stream.open(address, path)
        await one.until(lambda: one.is_ended)
        check(f"{name} h2: {path} opens none", one.status == status and body in one.data, (one.fields, one.data))
        one.writer.close()


async def main():
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await until(lambda: os.path.exists(sys.argv[1]) and open(sys.argv[1]).read().endswith("end\n"), 60)
    for base in open(sys.argv[1]).read().split()[:-1]:
        scheme, _, line = base.partition("://")
        host, _, port = line.rpartition(":")
        address = (host, int(port), scheme == "https")
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ssl=ANYBODY)) as session:
            for form, path, headers in (("by path", "/v1.0/invoke/callee/method", {}), ("by field", "", {"dapr-app-id": "callee"})):
                await talk(session, f"{port} {form}", base.replace("http", "ws", 1) + path, headers | {"x-own": "mine"})
        await bytes_behind(port, address)
        await streams(port, address)


asyncio.run(asyncio.wait_for(main(), 200))
sys.exit(0 if all(fine) and len(fine) > 30 else 1)
