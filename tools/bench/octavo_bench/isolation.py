"""What isolation adds to one caller, beside a bare futex and the same call as a gRPC service on a Unix socket."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from . import build
from .figures import summary
from .peers import Place
from .process import Failed, Unavailable, output

#: What each figure is, in the order of the report.
NOTES = {
    "in_process_us": "one call after the other, the plugin in the runtime's process",
    "isolated_hot_us": "… in a helper on another processor, which is awake: one looks while the other works",
    "in_process_paused_us": "a call each half millisecond, in process",
    "isolated_asleep_same_us": "… in a helper that sleeps, on the same processor",
    "isolated_asleep_other_us": "… on another processor, which has gone to sleep",
    "wake_up_us": "half a round trip of two threads that wake each other's sleeping processor by bare futexes",
    "grpc_unix_us": "one call after the other to a grpc C++ service on a Unix socket, on another processor",
    "grpc_unix_paused_us": "… a call each half millisecond",
    "helper_ready_us": "from a helper's spawn until it has loaded the plugin and said what it offers",
    "helper_pss_bytes": "the helper's own memory then",
}


def measure(octavo: Path, place: Place, rounds: int, say: Callable[[str], None]) -> dict[str, dict]:
    """A summary for each figure, the programs in turn in each round."""
    program = octavo.with_name("octavo-bench")
    if not program.is_file():
        raise Unavailable(f"no octavo-bench at {program}; `tools/build bench` makes it")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Unavailable("it takes two processors")
    pair = [str(core) for core in cores[:2]]
    commands = [
        [str(program.resolve()), "--isolation"],
        [str(build.futex(place.cache)), *pair],
        [str(build.grpc_unix(place.cache)), *pair],
    ]
    samples: dict[str, list[float]] = {}
    for number in range(rounds):
        for command in commands:
            say(f"isolation, round {number + 1} of {rounds}: {Path(command[0]).name}")
            printed = output(command, timeout=60)
            try:
                figures = json.loads(printed)
            except ValueError:
                raise Failed(f"{command[0]} did not print JSON: {printed.strip()[:200]}") from None
            for name, value in figures.items():
                samples.setdefault(name, []).append(float(value))
    missing = [name for name in NOTES if len(samples.get(name, [])) != rounds]
    if missing:
        raise Failed(f"not measured in every round: {', '.join(missing)}")
    return {name: summary(samples[name]) for name in NOTES}
