"""GetState and SaveState: which contestants run, and what is measured of each."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from . import call, load, octavo, peers, wire
from .call import Call, Server
from .load import ALONE, LOADED, Sample, Shape
from .peers import Place
from .process import Failed, Unavailable, require
from .rounds import Lane

#: Percentiles under load come from a short run of their own, since recording every request slows the generator.
RECORDED_SECONDS = 0.3

PEERS: dict[str, Callable[[Place, bytes], Server]] = {
    "limit": peers.start_limit,
    "nghttpd": peers.start_nghttpd,
    "h2o": peers.start_h2o,
    "envoy": peers.start_envoy,
    "grpc++": peers.start_grpc,
}

NOTES = {
    "limit": "epoll + libnghttp2 in C, one thread, the same reply from memory",
    "octavo": "state.in-memory, one event loop",
    "isolated": "octavo with the plugin in a helper process, on the same processor",
    "nghttpd": "a static file by GET: neither request body nor trailers",
    "h2o": "a static file by GET: neither request body nor trailers",
    "envoy": "direct_response, one worker: status in the headers, no trailers",
    "grpc++": "callback API, a hash map",
}


def start(wanted: Callable[[str], bool], find_runtime: Callable[[], octavo.Runtime], place: Place, stack: ExitStack,
          say: Callable[[str], None], skipped: dict[str, str], failed: dict[str, str]) -> list[Server]:
    """Starts and verifies every wanted contestant; those that cannot run are in `skipped` or `failed` with the reason.
    The runtime comes first: the peers answer with exactly its reply."""
    reply = wire.get_state_reply()
    servers: list[Server] = []
    starts: dict[str, Callable[[], Server]] = {
        "octavo": lambda: octavo.start(find_runtime(), place, "octavo", octavo.MEMORY),
        "isolated": lambda: octavo.start(find_runtime(), place, "isolated", octavo.MEMORY, ("--isolate", "all"))}
    for name, peer in PEERS.items():
        starts[name] = lambda peer=peer: peer(place, reply)
    for name, start_one in starts.items():
        if not wanted(name):
            continue
        say(f"starting {name}")
        try:
            require("h2load", "curl")
            server = start_one()
            stack.callback(server.process.stop)
            for each in server.calls.values():
                call.verify(server, each)
        except Unavailable as why:
            skipped[name] = str(why)
        except Failed as why:
            failed[name] = str(why)
        else:
            servers.append(server)
            if name == "octavo":
                reply = server.calls["GetState"].reply
    order = list(NOTES)
    return sorted(servers, key=lambda server: order.index(server.name))


def lanes(servers: list[Server], place: Place) -> list[Lane]:
    result = []
    for name in ("GetState", "SaveState"):
        for server in servers:
            if name in server.calls:
                one = server.calls[name]
                result.append(Lane(name, server.name, str(LOADED), loaded(server, one, place)))
                result.append(Lane(name, server.name, str(ALONE), alone(server, one, place), share=0.5))
    return result


def loaded(server: Server, one: Call, place: Place, shape: Shape = LOADED, also=()) -> Callable[[float], Sample]:
    def measure(seconds: float) -> Sample:
        sample = load.measure(
            [server.process, *also], lambda: load.h2load(server, one, shape, seconds, place.pins, place.work))
        recorded = load.h2load(server, one, shape, RECORDED_SECONDS, place.pins, place.work, each=True)
        return replace(sample, p99_us=recorded.p99_us)

    return measure


def alone(server: Server, one: Call, place: Place) -> Callable[[float], Sample]:
    def measure(seconds: float) -> Sample:
        return load.measure([server.process], lambda: load.h2load(
            server, one, ALONE, seconds, place.pins, place.work, each=True))

    return measure
