"""An app on a server of the Python world: uvicorn for https, hypercorn for h2c. It prints its port, and then a line of JSON for every
message of the topic "plain" of the component "bus".

Arguments: https or h2c, and for https the files of its key and of its certificate.
"""

import asyncio
import json
import socket
import sys

from dapr.ext.fastapi import DaprApp
from fastapi import FastAPI, Request

PROTOCOL = sys.argv[1]
app = FastAPI()
dapr = DaprApp(app)


@dapr.subscribe(pubsub="bus", topic="plain", route="/plain")
async def plain(request: Request):
    body = await request.json()
    seen = {"path": "/plain", "data": body["data"], "version": request.scope["http_version"], "scheme": request.scope["scheme"]}
    print(json.dumps(seen), flush=True)
    return {"status": "SUCCESS"}


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 0))
if PROTOCOL == "https":
    import uvicorn

    config = uvicorn.Config(app, ssl_keyfile=sys.argv[2], ssl_certfile=sys.argv[3], log_level="warning")
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[listener])
else:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    print(listener.getsockname()[1], flush=True)
    asyncio.run(serve(app, config))
