"""One run: start, verify, measure in rounds, stop, judge, report."""

import json
import signal
import sys
import tempfile
from argparse import Namespace
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from . import footprint, goals, isolation, machine, octavo, options, redis, report, rounds, unary, vtable
from .peers import Place, envoy_program
from .process import Failed, Unavailable

ROOT = Path(__file__).resolve().parents[3]


def main(arguments: list[str]) -> int:
    chosen = options.parse(arguments, ROOT)
    # Ended from outside, a run still stops the servers that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        results = run(chosen)
    except KeyboardInterrupt:
        return 130
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    print(report.text(results))
    return exit_code(results, chosen)


def exit_code(results: dict, chosen: Namespace) -> int:
    if results["failed"]:
        return 1
    everything = set(chosen.only) == set(options.PARTS)
    missed = [goal for goal in results["goals"] if goal["met"] is False or (goal["met"] is None and everything)]
    return 1 if chosen.check and missed else 0


def run(chosen: Namespace) -> dict:
    cache_folder = ROOT / ".build-bench"
    cache_folder.mkdir(exist_ok=True)
    skipped: dict[str, str] = {}
    failed: dict[str, str] = {}
    pins = machine.pinning()
    find_runtime = cache(lambda: octavo.Runtime.find(chosen.octavo))
    results: dict = {
        "version": 1,
        "machine": machine.describe(pins),
        "versions": machine.versions(chosen.octavo, envoy_program(cache_folder)),
        "settings": {"rounds": chosen.rounds, "seconds": chosen.seconds, "parts": chosen.only},
    }

    def wanted(part: str) -> bool:
        return part in chosen.only

    with tempfile.TemporaryDirectory(prefix="run-", dir=cache_folder) as work:
        place = Place(cache_folder, Path(work), pins)

        def part(name: str, key: str, measure) -> None:
            if not wanted(name):
                return
            try:
                results[key] = measure()
            except Unavailable as why:
                skipped[name] = str(why)
            except Failed as why:
                failed[name] = str(why)

        # Before the servers are up: a start is measured on a machine that does nothing else.
        part("startup", "startup", lambda: footprint.start_up(find_runtime(), place, say))
        part("size", "binary", lambda: footprint.binary_size(chosen.octavo, place))
        part("isolation", "isolation", lambda: isolation.measure(chosen.octavo, place, chosen.rounds, say))
        part("vtable", "vtable", lambda: vtable.measure(chosen.octavo, pins))
        with ExitStack() as stack:
            servers = unary.start(wanted, find_runtime, place, stack, say, skipped, failed)
            lanes = unary.lanes(servers, place)
            if wanted("redis"):
                lanes += redis_lanes(find_runtime, place, stack, skipped, failed)
            samples = rounds.run(lanes, chosen.rounds, chosen.seconds, say, failed)
            results["calls"] = rounds.table(samples)
    say("")
    return results | {"goals": goals.judge(results), "skipped": skipped, "failed": failed}


def redis_lanes(find_runtime, place: Place, stack: ExitStack, skipped: dict, failed: dict) -> list[rounds.Lane]:
    try:
        server, port = redis.start_redis(place)
        stack.callback(server.stop)
        lanes = redis.plain_lanes(server, port, place)
    except Unavailable as why:
        skipped["redis"] = str(why)
        return []
    except Failed as why:
        failed["redis"] = str(why)
        return []
    try:
        return redis.runtime_lanes(find_runtime(), server, port, place, stack) + lanes
    except Unavailable as why:
        skipped[redis.RUNTIME] = str(why)
    except Failed as why:
        failed[redis.RUNTIME] = str(why)
    return lanes


def say(text: str) -> None:
    """Progress, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
