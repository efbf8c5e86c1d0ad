"""What the figures depend on: processor, kernel, versions, and which core does what."""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pinning:
    """Cores for the three roles; None leaves the choice to the kernel."""

    server: int | None
    load: int | None
    backend: int | None  # Redis, behind the runtime

    def describe(self) -> str:
        if self.server is None:
            return "none: fewer than two cores, or no taskset"
        backend = "with the server" if self.backend == self.server else f"on core {self.backend}"
        return f"server on core {self.server}, load on core {self.load}, Redis {backend}"

    @staticmethod
    def prefix(core: int | None) -> list[str]:
        return [] if core is None else ["taskset", "--cpu-list", str(core)]


def pinning() -> Pinning:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or not shutil.which("taskset"):
        return Pinning(None, None, None)
    return Pinning(cores[0], cores[1], cores[2] if len(cores) > 2 else cores[0])


def first_line(command: list[str]) -> str | None:
    """First line that a program prints about itself; None when it does not run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines[0] if lines and done.returncode == 0 else None


def version_of(command: list[str]) -> str | None:
    """The first thing in that line that looks like a version number."""
    found = re.search(r"\d+(\.\d+)+\S*", first_line(command) or "")
    return found.group(0).rstrip(",") if found else None


def describe(pins: Pinning) -> dict:
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory.group(1)) / 1024**2, 1) if memory else None,
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
        "pinning": pins.describe(),
    }


def versions(octavo: Path, envoy: Path | None) -> dict[str, str | None]:
    return {
        "octavo": version_of([str(octavo), "--version"]),
        "libnghttp2": version_of(["pkg-config", "--modversion", "libnghttp2"]),
        "h2load": version_of(["h2load", "--version"]),
        "nghttpd": version_of(["nghttpd", "--version"]),
        "h2o": version_of(["h2o", "--version"]),
        "envoy": _envoy_version(envoy),
        "grpc++": version_of(["pkg-config", "--modversion", "grpc++"]),
        "redis": version_of(["redis-server", "--version"]),
        "gcc": version_of(["gcc", "-dumpfullversion"]),
        "python": platform.python_version(),
    }


def _envoy_version(envoy: Path | None) -> str | None:
    # "envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL"
    found = re.search(r"/(\d+\.\d+\.\d+)/", first_line([str(envoy), "--version"]) or "") if envoy else None
    return found.group(1) if found else None


def busy_seconds() -> float:
    """Processor seconds spent by anybody on this machine since it started."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
