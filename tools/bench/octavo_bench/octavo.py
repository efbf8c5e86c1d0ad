"""The runtime itself, started as an operator would."""

import contextlib
import http.client
from dataclasses import dataclass
from pathlib import Path

from . import call, wire
from .call import Server
from .machine import Pinning
from .peers import Place
from .process import Failed, Process, Unavailable, free_port

COMPONENT = """\
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: {name}
spec:
  type: {type}
  version: v1
  metadata: {metadata}
"""


@dataclass(frozen=True)
class Component:
    name: str
    type: str
    metadata: tuple[tuple[str, str], ...] = ()

    def yaml(self) -> str:
        items = "".join(f'\n  - name: {name}\n    value: "{value}"' for name, value in self.metadata)
        return COMPONENT.format(name=self.name, type=self.type, metadata=items or "[]")


MEMORY = Component(wire.STORE, "state.in-memory")


def redis(port: int) -> Component:
    return Component(wire.STORE, "state.redis", (("redisHost", f"127.0.0.1:{port}"), ("redisPassword", "")))


@dataclass(frozen=True)
class Runtime:
    program: Path

    @staticmethod
    def find(program: Path) -> "Runtime":
        if not program.is_file():
            raise Unavailable(f"no release build at {program}; `tools/build release` makes one, --octavo names another")
        return Runtime(program.resolve())

    def command(self, folder: Path, components: list[Component], grpc_port: int, http_port: int) -> list[str]:
        """To be run in that folder. What is not measured is kept out of the way of other runtimes, since two run side
        by side here: metrics on a port of the kernel, data and admin socket in the folder. The socket's path is
        relative because a Unix socket's path has to be short."""
        resources = write_resources(folder / "resources", components)
        return [str(self.program), "run", "--app-id", "bench", "--dapr-grpc-port", str(grpc_port), "--dapr-http-port",
                str(http_port), "--metrics-port", "0", "--resources-path", str(resources), "--data-dir",
                str(folder / "data"), "--admin-socket", "admin.sock", "--event-loops", "1"]


def write_resources(folder: Path, components: list[Component]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for component in components:
        (folder / f"{component.name}.yaml").write_text(component.yaml())
    return folder


def is_ready(http_port: int) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return _request(http_port, "GET", "/v1.0/healthz/outbound")[0] == 204
    return False


def start(runtime: Runtime, place: Place, name: str, component: Component, flags: tuple[str, ...] = ()) -> Server:
    """Ready, with the value stored through the HTTP API and read back through the gRPC API."""
    folder = place.folder(name)
    ports = (0, 0)

    def command() -> list[str]:
        nonlocal ports
        ports = (free_port(), free_port())
        return [*Pinning.prefix(place.pins.server), *runtime.command(folder, [component], *ports), *flags]

    process = Process.start(name, command, lambda _: is_ready(ports[1]), folder / "log", folder)
    server = Server(name, process, ports[0], {"SaveState": call.save_state()})
    try:
        _store_value(name, ports[1])
        # The etag is the store's own affair: its length is learned, and the peers answer with as many bytes.
        reply = call.ask(server, call.get_state(b""))
        if wire.field(1, wire.VALUE) not in reply:
            raise Failed(f"{name} answers GetState without the stored value: {reply!r}")
        server.calls["GetState"] = call.get_state(reply)
    except BaseException:
        process.stop()
        raise
    return server


def _store_value(name: str, http_port: int) -> None:
    items = b'[{"key":"%s","value":%s}]' % (wire.KEY.encode(), wire.VALUE)
    status, answer = _request(http_port, "POST", f"/v1.0/state/{wire.STORE}", items)
    if status != 204:
        raise Failed(f"{name} answers POST /v1.0/state/{wire.STORE} with {status}: {answer.decode(errors='replace')}")


def _request(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body, {"content-type": "application/json"} if body else {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
