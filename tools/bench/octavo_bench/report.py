"""The report for people: aligned tables of a finished run."""

from .figures import ratio
from .goals import MB
from .isolation import NOTES as ISOLATION_NOTES
from .load import ALONE, LOADED
from .redis import NOTE as REDIS_NOTE
from .redis import RUNTIME
from .unary import NOTES

#: Above this many cores of foreign work, a round says more about the neighbours than about the servers.
QUIET = 0.1

BUSY = """\
  busy: share of its core that the server used under load. Well below 100 %, the load generator was the
  bottleneck: that server could do more than its req/s, and CPU µs/req compares better."""


def text(results: dict) -> str:
    parts = [_machine(results)]
    for call in ("GetState", "SaveState"):
        if call in results["calls"]:
            parts.append(_call(call, results["calls"][call]))
    if "Redis" in results["calls"]:
        parts.append(_redis(results["calls"]["Redis"]))
    parts += [_isolation(results.get("isolation", {})), _footprint(results), _goals(results["goals"]), _left_out(results), _disturbance(results["calls"])]
    return "\n\n".join(part for part in parts if part)


def aligned(rows: list[list[str]], left: int = 1) -> str:
    """Columns of equal width; the first `left` flush left, the numbers flush right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if column < left else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _machine(results: dict) -> str:
    machine, settings = results["machine"], results["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items() if version)
    return aligned([
        ["machine", f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
                    f"Linux {machine['kernel']}, load average {machine['load_average']:.2f} at the start"],
        ["pinning", machine["pinning"]],
        ["versions", versions],
        ["rounds", f"{settings['rounds']} of {settings['seconds']:g} s each, interleaved, after a warm-up; median ± "
                   "half the range"],
    ], left=2)


def _call(call: str, contestants: dict) -> str:
    head = [call, "req/s 4x32", "±", "mean µs", "p99 µs", "CPU µs/req", "busy", "1x1 mean µs", "±", "p99 µs", "RSS MB",
            "octavo is"]
    rows = [head]
    ours = contestants.get("octavo")
    for name, shapes in contestants.items():
        loaded, alone = shapes[str(LOADED)], shapes[str(ALONE)]
        rows.append([
            name, _count(loaded["requests_per_second"]["median"]), _share(loaded["requests_per_second"]["spread"]),
            _count(loaded["mean_us"]["median"]), _count(loaded["p99_us"]["median"]),
            f"{loaded['server_cpu_us']['median']:.2f}", _share(loaded["server_busy"]["median"]),
            f"{alone['mean_us']['median']:.1f}", _share(alone["mean_us"]["spread"]), _count(alone["p99_us"]["median"]),
            f"{loaded['rss_bytes']['median'] / MB:.1f}",
            _times(ours, shapes) if ours and name != "octavo" else "",
        ])
    notes = [[f"  {name}", NOTES[name]] for name in contestants] if call == "GetState" else []
    return "\n".join([aligned(rows), *([aligned(notes, left=2), BUSY] if notes else [])])


def _times(ours: dict, theirs: dict) -> str:
    by_rate = ratio(ours[str(LOADED)]["requests_per_second"], theirs[str(LOADED)]["requests_per_second"])
    return f"{by_rate:.2f} x"


def _redis(contestants: dict) -> str:
    rows = [["Redis", "in flight", "req/s", "±", "mean µs", "p99 µs", "CPU µs/req", "RSS MB"]]
    for name, shapes in contestants.items():
        for shape, figures in shapes.items():
            rows.append([name, shape, _count(figures["requests_per_second"]["median"]),
                         _share(figures["requests_per_second"]["spread"]), _count(figures["mean_us"]["median"]),
                         _count(figures["p99_us"]["median"]), f"{figures['server_cpu_us']['median']:.2f}",
                         f"{figures['rss_bytes']['median'] / MB:.1f}"])
    whose = "CPU and RSS: of the runtime in its row, of Redis in the others." if RUNTIME in contestants else ""
    return "\n".join(filter(None, [aligned(rows), f"  {REDIS_NOTE}", f"  {whose}" if whose else ""]))


def _isolation(figures: dict) -> str:
    rows = [["one caller, middle time", "", "±", ""]]
    for name, figure in figures.items():
        is_memory = name.endswith("_bytes")
        value = f"{figure['median'] / MB:.2f} MB" if is_memory else f"{figure['median']:.2f} µs"
        rows.append([name.removesuffix("_us").removesuffix("_bytes"), value, _share(figure["spread"]), ISOLATION_NOTES[name]])
    widths = aligned([row[:3] for row in rows]).split("\n")
    return "\n".join(f"{line}  {row[3]}".rstrip() for line, row in zip(widths, rows, strict=True)) if figures else ""


def _footprint(results: dict) -> str:
    rows = []
    if start := results.get("startup"):
        took = start["milliseconds"]
        rows += [["start, five components", f"{took['median']:.1f} ms", f"({took['min']:.1f} to {took['max']:.1f})"],
                 ["memory when idle", f"{start['idle_rss_bytes'] / MB:.1f} MB", ""]]
    if binary := results.get("binary"):
        rows += [["stripped binary", f"{binary['stripped_bytes'] / MB:.1f} MB",
                  f"(and Swift libraries beside it: {binary['swift_libraries_bytes'] / MB:.1f} MB)"]]
    rows += [[f"octavo-bench: {name}", f"{value:.1f}", ""] for name, value in results.get("vtable", {}).items()]
    return aligned([[what, value, note] for what, value, note in rows]) if rows else ""


def _goals(goals: list[dict]) -> str:
    verdict = {True: "met", False: "NOT MET", None: "not measured"}
    rows = [["goal", "wanted", "measured", ""]]
    for goal in goals:
        value = "" if goal["value"] is None else f"{goal['value']:.2f}{goal['unit']}"
        rows.append([goal["what"], goal["goal"], value, verdict[goal["met"]]])
    return aligned(rows, left=1)


def _left_out(results: dict) -> str:
    lines = [f"skipped {name}: {why}" for name, why in results["skipped"].items()]
    lines += [f"FAILED {name}: {why}" for name, why in results["failed"].items()]
    return "\n".join(lines)


def _disturbance(calls: dict) -> str:
    worst = max((figures["foreign_busy"]["median"] for contestants in calls.values() for shapes in contestants.values()
                 for figures in shapes.values()), default=0.0)
    if worst <= QUIET:
        return ""
    return (f"Warning: other processes used up to {worst:.1f} cores while this ran. Ratios and CPU times suffer less "
            "than throughput; for figures to quote, run it on a quiet machine.")


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _share(value: float) -> str:
    return f"{value:.0%}"
