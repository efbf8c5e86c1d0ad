"""A request that is measured, and the proof that its answer is the right one."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import wire
from .process import Failed, Process, output

GRPC_HEADERS = ("content-type: application/grpc", "te: trailers")


@dataclass(frozen=True)
class Call:
    path: str
    body: bytes | None  # None makes it a GET
    reply: bytes  # what comes back, byte for byte
    headers: tuple[str, ...] = GRPC_HEADERS
    grpc_status: bool = True  # a `grpc-status: 0` header or trailer belongs to the answer


@dataclass
class Server:
    """A running contestant."""

    name: str
    process: Process
    port: int
    calls: dict[str, Call]  # by the name of the call: GetState, SaveState

    def url(self, call: Call) -> str:
        return f"http://127.0.0.1:{self.port}{call.path}"


def get_state(reply: bytes) -> Call:
    return Call(wire.GET_STATE, wire.get_state(), reply)


def save_state(key: str = wire.WRITTEN_KEY) -> Call:
    return Call(wire.SAVE_STATE, wire.save_state(key), wire.EMPTY_REPLY)


def ask(server: Server, call: Call) -> bytes:
    """Makes the call once, over cleartext HTTP/2, and returns the body. Anything but a success is `Failed`."""
    with tempfile.TemporaryDirectory(prefix="octavo-bench-") as folder:
        body, headers = Path(folder, "body"), Path(folder, "headers")
        command = ["curl", "--silent", "--show-error", "--http2-prior-knowledge", "--max-time", "5",
                   "--output", str(body), "--dump-header", str(headers)]
        for header in call.headers:
            command += ["--header", header]
        if call.body is not None:
            request = Path(folder, "request")
            request.write_bytes(call.body)
            command += ["--data-binary", f"@{request}"]
        try:
            output([*command, server.url(call)])
        except Failed as why:
            raise Failed(f"{server.name} does not answer {call.path}: {why}") from None
        answered = headers.read_text(errors="replace").lower().split("\n")
        if not answered[0].startswith("http/2 200"):
            raise Failed(f"{server.name} answers {call.path} with '{answered[0].strip()}' instead of 200")
        statuses = [line.split(":", 1)[1].strip() for line in answered if line.startswith("grpc-status:")]
        if call.grpc_status and statuses != ["0"]:
            messages = [line.strip() for line in answered if line.startswith("grpc-message:")]
            raise Failed(f"{server.name} answers {call.path} with grpc-status {statuses or 'missing'} {messages or ''}")
        return body.read_bytes() if body.exists() else b""


def verify(server: Server, call: Call) -> None:
    """Before any figure counts: the answer is the one that a client of the real API expects."""
    body = ask(server, call)
    if body != call.reply:
        raise Failed(f"{server.name} answers {call.path} with {body!r} instead of {call.reply!r}")
