"""The runtime in front of a real Redis, beside what redis-benchmark gets out of the same server without a runtime."""

from collections.abc import Callable
from contextlib import ExitStack

from . import call, load, octavo
from .load import LOADED, Answer, Sample
from .machine import Pinning
from .peers import Place
from .process import Process, accepts, free_port, require
from .rounds import Lane
from .unary import loaded
from .wire import VALUE

RUNTIME = "octavo + Redis"
PLAIN = "redis-benchmark"
PIPELINED = "redis-benchmark -P 32"
CLIENTS = LOADED.connections * LOADED.streams

NOTE = (f"state.redis keeps a hash per key and reads value and version of it; redis-benchmark makes a plain GET of "
        f"{len(VALUE)} bytes. {CLIENTS} requests in flight in all three cases but -P 32 ({CLIENTS} x 32).")


def runtime_lanes(runtime: octavo.Runtime, redis: Process, port: int, place: Place, stack: ExitStack) -> list[Lane]:
    """Starts the runtime in front of that Redis; raises `Failed`."""
    server = octavo.start(runtime, place, RUNTIME, octavo.redis(port))
    stack.callback(server.process.stop)
    get_state = server.calls["GetState"]
    call.verify(server, get_state)
    return [Lane("Redis", RUNTIME, str(LOADED), loaded(server, get_state, place, also=(redis,)))]


def plain_lanes(redis: Process, port: int, place: Place) -> list[Lane]:
    load.redis_benchmark(port, "set", 1, 1, 1, len(VALUE), place.pins)  # so that GET finds 64 bytes
    return [
        Lane("Redis", PLAIN, f"{CLIENTS}x1", _get(redis, port, 1, place)),
        Lane("Redis", PIPELINED, f"{CLIENTS}x32", _get(redis, port, 32, place)),
    ]


def _get(redis: Process, port: int, pipeline: int, place: Place) -> Callable[[float], Sample]:
    # redis-benchmark counts requests, not seconds: as many as the last run would have made in that time.
    rate = 50_000.0 * pipeline

    def measure(seconds: float) -> Sample:
        nonlocal rate
        requests = max(1000, int(rate * seconds))

        def generate() -> Answer:
            return load.redis_benchmark(port, "get", CLIENTS, pipeline, requests, len(VALUE), place.pins)

        sample = load.measure([redis], generate)
        rate = sample.requests_per_second
        return sample

    return measure


def start_redis(place: Place) -> tuple[Process, int]:
    require("redis-server", "redis-benchmark")
    folder = place.folder("redis")
    port = 0

    def command() -> list[str]:
        nonlocal port
        port = free_port()
        return [*Pinning.prefix(place.pins.backend), "redis-server", "--bind", "127.0.0.1", "--port", str(port),
                "--save", "", "--appendonly", "no", "--dir", str(folder)]

    return Process.start("redis-server", command, lambda _: accepts(port), folder / "log", folder), port
