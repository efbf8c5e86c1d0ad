"""The figures to reach."""

from collections.abc import Callable
from dataclasses import dataclass

from .figures import median, ratio
from .load import ALONE, LOADED
from .redis import CLIENTS, PLAIN, RUNTIME
from .vtable import FIGURE

MB = 1_000_000


@dataclass(frozen=True)
class Goal:
    what: str
    at_least: bool
    bound: float
    unit: str
    value: Callable[[dict], float]  # KeyError when the run did not measure it

    def judge(self, results: dict) -> dict:
        try:
            value = self.value(results)
        except KeyError:
            value = None
        met = None if value is None else (value >= self.bound if self.at_least else value <= self.bound)
        return {"what": self.what, "goal": f"{'≥' if self.at_least else '≤'} {self.bound:g}{self.unit}",
                "unit": self.unit, "value": value, "met": met}


def _figure(results: dict, contestant: str, shape: object, name: str, call: str = "GetState") -> dict:
    return results["calls"][call][contestant][str(shape)][name]


def _against(peer: str, shape: object, name: str) -> Callable[[dict], float]:
    return lambda r: ratio(_figure(r, "octavo", shape, name), _figure(r, peer, shape, name))


def _added(isolated: str, here: str) -> Callable[[dict], float]:
    """Microseconds more than in process, round by round."""
    return lambda r: median(a - b for a, b in zip(
        r["isolation"][isolated]["samples"], r["isolation"][here]["samples"], strict=True))


def _wake_ups(results: dict) -> float:
    """What a helper asleep on another processor adds, in bare wake-ups of this machine."""
    figures = results["isolation"]
    return median((a - b) / wake_up for a, b, wake_up in zip(
        *(figures[name]["samples"] for name in ("isolated_asleep_other_us", "in_process_paused_us", "wake_up_us")), strict=True))


GOALS = [
    Goal("throughput, octavo / limit", True, 0.5, " x", _against("limit", LOADED, "requests_per_second")),
    Goal("throughput, octavo / envoy", True, 2.5, " x", _against("envoy", LOADED, "requests_per_second")),
    Goal("throughput, isolated / in process", True, 0.75, " x",
         lambda r: ratio(_figure(r, "isolated", LOADED, "requests_per_second"),
                         _figure(r, "octavo", LOADED, "requests_per_second"))),
    Goal("one caller, helper awake: isolated - in process", False, 2, " µs", _added("isolated_hot_us", "in_process_us")),
    Goal("one caller, helper asleep, same core: the same", False, 10, " µs",
         _added("isolated_asleep_same_us", "in_process_paused_us")),
    Goal("one caller, helper asleep, other core: the same", False, 1, " wake-ups", _wake_ups),
    Goal("one caller: gRPC on a Unix socket / isolated, awake", True, 5, " x",
         lambda r: ratio(r["isolation"]["grpc_unix_us"], r["isolation"]["isolated_hot_us"])),
    Goal("helper ready", False, 2, " ms", lambda r: r["isolation"]["helper_ready_us"]["median"] / 1000),
    Goal("memory of a helper", False, 2, " MB", lambda r: r["isolation"]["helper_pss_bytes"]["median"] / MB),
    Goal("CPU of a GetState under load", False, 5, " µs",
         lambda r: _figure(r, "octavo", LOADED, "server_cpu_us")["median"]),
    Goal("mean latency of one caller, octavo / limit", False, 1.3, " x", _against("limit", ALONE, "mean_us")),
    Goal("throughput, octavo + Redis / redis-benchmark", True, 1.0, " x",
         lambda r: ratio(_figure(r, RUNTIME, LOADED, "requests_per_second", "Redis"),
                         _figure(r, PLAIN, f"{CLIENTS}x1", "requests_per_second", "Redis"))),
    Goal("start with five components", False, 40, " ms", lambda r: r["startup"]["milliseconds"]["median"]),
    Goal("memory when idle", False, 20, " MB", lambda r: r["startup"]["idle_rss_bytes"] / MB),
    Goal("stripped binary with its Swift libraries", False, 20, " MB",
         lambda r: (r["binary"]["stripped_bytes"] + r["binary"]["swift_libraries_bytes"]) / MB),
    Goal("call through a plugin's vtable", False, 60, " ns", lambda r: r["vtable"][FIGURE]),
]


def judge(results: dict) -> list[dict]:
    return [goal.judge(results) for goal in GOALS]
