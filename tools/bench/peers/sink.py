"""Reads bodies of HTTP/1.1 requests to their ends and answers 204.    sink.py SOCKET"""

import asyncio
import re
import sys


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            left = int(re.search(rb"(?i)content-length: *([0-9]+)", head)[1])
            while left:
                part = await reader.read(min(left, 1 << 20))
                if not part:
                    return
                left -= len(part)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    server = await asyncio.start_unix_server(serve, sys.argv[1])
    await server.serve_forever()


asyncio.run(main())
