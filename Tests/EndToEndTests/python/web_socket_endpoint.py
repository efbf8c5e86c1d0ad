"""A server that is no app and takes WebSockets over HTTP/1.1 alone, though it agrees to HTTP/2 with whom offers that; and a client.

    web_socket_endpoint.py FILE CERTIFICATE KEY

Prints its port, then waits until FILE has the address of an HTTP API. Calls itself by that as the endpoint `partner`; the first message is
answered at once, the second after three seconds of silence. Prints what came back.
"""

import asyncio
import os
import ssl
import sys

import aiohttp
from aiohttp import web


async def take(request):
    answer = web.WebSocketResponse()
    await answer.prepare(request)
    async for message in answer:
        await answer.send_str(f"{request.path} {message.data}")
    return answer


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    context.set_alpn_protocols(["h2", "http/1.1"])
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read().endswith("\n"):
        await asyncio.sleep(0.02)
    address = open(sys.argv[1]).read().strip()
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f"ws://{address}/v1.0/invoke/partner/method/b") as one:
            await one.send_str("one")
            print(await one.receive_str(timeout=20), flush=True)
            # Longer than a call may take by its policy.
            await asyncio.sleep(3)
            await one.send_str("two")
            print(await one.receive_str(timeout=20), flush=True)


asyncio.run(main())
