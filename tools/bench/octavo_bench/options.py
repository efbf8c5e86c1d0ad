"""The command line."""

import argparse
import os
from pathlib import Path

from .unary import NOTES

#: What `--only` takes: the contestants of GetState, and the other parts of a run.
PARTS = [*NOTES, "redis", "startup", "size", "vtable", "isolation"]

EXAMPLES = """\
examples:
  tools/bench/run                              everything, in less than four minutes
  tools/bench/run --only octavo,limit          two contestants, side by side
  tools/bench/run --rounds 3 --seconds 0.5     a quick look
  tools/bench/run --json before.json           figures kept, to compare with another run
  tools/bench/run --check                      exit code 1 when a goal is missed

parts: """ + ", ".join(PARTS) + """
exit codes: 0 done, 1 a contestant failed or (--check) a goal is not met, 2 misuse
tools/bench/setup installs the peers; what is missing is skipped, and the report says so."""


def parse(arguments: list[str], root: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/bench/run", formatter_class=argparse.RawDescriptionHelpFormatter, epilog=EXAMPLES,
        description="Measures Octavo beside its peers, in one run on this machine, in interleaved rounds.")
    parser.add_argument("--octavo", type=Path, default=root / ".build/release/octavo", metavar="PATH",
                        help="the release binary (default: .build/release/octavo)")
    parser.add_argument("--only", type=_parts, default=PARTS, metavar="NAME,…", help="parts to run (default: all)")
    parser.add_argument("--rounds", type=_count, default=5, metavar="N", help="rounds (default: 5)")
    parser.add_argument("--seconds", type=_seconds, default=2.0, metavar="S",
                        help="length of one measurement under load; a lone caller gets half (default: 2)")
    parser.add_argument("--json", type=_file, metavar="FILE", help="also write every figure to a file")
    parser.add_argument("--check", action="store_true",
                        help="exit with 1 when a goal is not met or, unless --only leaves it out, not measured")
    return parser.parse_args(arguments)


def _parts(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in PARTS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"unknown part {', '.join(unknown) or '(none)'}; there are {', '.join(PARTS)}")
    return names


def _file(text: str) -> Path:
    path = Path(text)
    # Said now, not after minutes of measuring.
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"cannot write {text}")
    return path


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number of rounds is 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.2 <= value <= 60:
        raise argparse.ArgumentTypeError("a measurement takes 0.2 to 60 seconds")
    return value
