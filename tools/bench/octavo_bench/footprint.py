"""What the runtime costs before the first request: time to readiness, memory, bytes on disk."""

import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

from .figures import median, summary
from .octavo import Component, Runtime
from .peers import Place
from .process import Failed, Process, Unavailable, free_port, output, require

STARTS = 10
#: Starts after which memory is read, a second into idleness.
RSS_STARTS = 3
READY_LIMIT_SECONDS = 10
POLL_SECONDS = 50e-6

PROBE = b"GET /v1.0/healthz/outbound HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def start_up(runtime: Runtime, place: Place, say: Callable[[str], None]) -> dict:
    """From just before exec to the first 204 of the readiness probe, with five components; not pinned, since starting
    may use every core. The SQLite files are there after the first start, as in an ordinary restart."""
    folder = place.folder("startup")
    components = [Component(f"memory{n}", "state.in-memory") for n in range(3)]
    components += [Component(f"file{n}", "state.sqlite", (("connectionString", str(folder / f"{n}.db")),))
                   for n in range(2)]
    times, memory = [], []
    for number in range(STARTS + 1):
        say(f"start {number} of {STARTS}")
        ports = free_port(), free_port()
        command = runtime.command(folder, components, *ports)
        began = time.perf_counter()
        process = Process("octavo", command, folder / "log", folder)
        try:
            _await(process, ports[1])
            elapsed = time.perf_counter() - began
            if number > 0:  # the first one reads the binary from the disk and creates the SQLite files
                times.append(elapsed * 1e3)
            if number > STARTS - RSS_STARTS:
                time.sleep(1)  # idle time is what is measured
                memory.append(process.rss_bytes())
        finally:
            process.stop()
    return {"milliseconds": summary(times), "idle_rss_bytes": median(memory), "components": len(components)}


def _await(process: Process, port: int) -> None:
    deadline = time.perf_counter() + READY_LIMIT_SECONDS
    while not _answers_204(port):
        if process.child.poll() is not None:
            raise Failed(f"octavo ended with code {process.child.returncode} while starting{process.tail()}")
        if time.perf_counter() > deadline:
            raise Failed(f"octavo was not ready after {READY_LIMIT_SECONDS} s{process.tail()}")
        time.sleep(POLL_SECONDS)


def _answers_204(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(PROBE)
            return connection.recv(64).startswith(b"HTTP/1.1 204")
    except OSError:
        return False


def binary_size(program: Path, place: Place) -> dict:
    """Bytes of a stripped copy, and of the Swift libraries that it needs beside it (none when linked statically)."""
    if not program.is_file():
        raise Unavailable(f"no release build at {program}")
    require("strip")
    copy = place.work / "octavo.stripped"
    output(["strip", "-o", str(copy), str(program)])
    linked = output(["ldd", str(program)])
    libraries = [Path(path) for path in re.findall(r"=> (\S*lib(?:swift|Foundation|_Foundation|dispatch|Blocks)\S*)",
                                                   linked)]
    return {
        "stripped_bytes": copy.stat().st_size,
        "swift_libraries_bytes": sum(library.stat().st_size for library in libraries if library.is_file()),
    }
