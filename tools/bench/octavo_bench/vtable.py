"""What a call through a plugin's vtable costs in process: measured by `octavo-bench`, a program of the package."""

import json
from pathlib import Path

from .machine import Pinning
from .process import Failed, Unavailable, output

#: The figure that the goal is about; `octavo-bench` may print others beside it.
FIGURE = "vtable_call_ns"


def measure(octavo: Path, pins: Pinning) -> dict[str, float]:
    """The numbers of the JSON object that `octavo-bench`, beside `octavo`, prints."""
    program = octavo.with_name("octavo-bench")
    if not program.is_file():
        raise Unavailable(f"no octavo-bench at {program}; `tools/build bench` makes it")
    printed = output([*Pinning.prefix(pins.server), str(program.resolve())], timeout=60)
    try:
        figures = {name: float(value) for name, value in json.loads(printed).items() if isinstance(value, int | float)}
    except (ValueError, AttributeError):
        raise Failed(f"octavo-bench did not print a JSON object: {printed.strip()[:200]}") from None
    if FIGURE not in figures:
        raise Failed(f"octavo-bench printed no {FIGURE}: {printed.strip()[:200]}")
    return figures
