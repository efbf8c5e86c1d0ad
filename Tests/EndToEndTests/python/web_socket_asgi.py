"""An app with a WebSocket on other servers: uvicorn over HTTP/1.1, hypercorn over HTTP/2 (RFC 8441); and a client of it by a runtime.

    web_socket_asgi.py FILE http|h2c

Prints the app's port, then waits until FILE has the address of the HTTP API by which the app is called as `callee`. Prints what came back.
"""

import asyncio
import os
import socket
import sys

import aiohttp


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
    if scope["type"] != "websocket":
        return
    await receive()
    if scope["path"] == "/refused":
        return await send({"type": "websocket.close"})
    await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][0]})
    await send({"type": "websocket.send", "text": f"{scope['path']} {scope['http_version']}"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": message["bytes"]})
    print("closed", message["code"], flush=True)


async def client():
    while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read().endswith("\n"):
        await asyncio.sleep(0.02)
    base = f"ws://{open(sys.argv[1]).read().strip()}/v1.0/invoke/callee/method"
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(base + "/a", protocols=["chat"], max_msg_size=0) as one:
            print(await one.receive_str(timeout=20), one.protocol, flush=True)
            data = os.urandom(3 << 20)
            await one.send_bytes(data)
            print(await one.receive_bytes(timeout=20) == data, flush=True)
            await one.close(code=4000)
        try:
            await session.ws_connect(base + "/refused")
        except aiohttp.WSServerHandshakeError as error:
            print("refused", error.status, flush=True)
    await asyncio.sleep(0.5)


async def main(bound):
    if sys.argv[2] == "http":
        import uvicorn

        config = uvicorn.Config(app, log_level="warning", lifespan="off", ws="wsproto", ws_max_size=1 << 26)
        server = asyncio.create_task(uvicorn.Server(config).serve(sockets=[bound]))
    else:
        import hypercorn.asyncio
        import hypercorn.config

        config = hypercorn.config.Config()
        config.bind = [f"fd://{bound.fileno()}"]
        server = asyncio.create_task(hypercorn.asyncio.serve(app, config, shutdown_trigger=asyncio.Event().wait))
    await asyncio.wait_for(client(), 60)
    os._exit(0)


bound = socket.create_server(("127.0.0.1", 0))
print(bound.getsockname()[1], flush=True)
asyncio.run(main(bound))
