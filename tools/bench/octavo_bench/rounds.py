"""Interleaved rounds: every contestant in every round, the order turned by one each time, so that a disturbance of the
machine hits all alike and no one always comes after the same neighbour."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from .figures import summary
from .load import Sample
from .process import Failed

WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Lane:
    """One thing that is measured once a round."""

    call: str  # GetState, SaveState, Redis: the table it belongs to
    contestant: str
    shape: str
    measure: Callable[[float], Sample]  # given the seconds to run
    share: float = 1.0  # of the seconds of a measurement

    @property
    def title(self) -> str:
        return f"{self.contestant} {self.call} {self.shape}"


def run(lanes: list[Lane], rounds: int, seconds: float, say: Callable[[str], None],
        failed: dict[str, str]) -> dict[Lane, list[Sample]]:
    """All samples of the lanes that got through every round. A contestant that fails once is out, with the reason in
    `failed`: half a result compares with nothing."""
    samples: dict[Lane, list[Sample]] = {lane: [] for lane in lanes}

    def measure(lane: Lane, duration: float) -> Sample | None:
        if lane.contestant in failed:
            return None
        try:
            return lane.measure(duration)
        except Failed as why:
            failed[lane.contestant] = str(why)
            return None

    for lane in lanes:
        say(f"warm-up: {lane.title}")
        measure(lane, WARM_UP_SECONDS)
    for number in range(rounds):
        turn = number % len(lanes) if lanes else 0
        for lane in lanes[turn:] + lanes[:turn]:
            say(f"round {number + 1} of {rounds}: {lane.title}")
            if sample := measure(lane, seconds * lane.share):
                samples[lane].append(sample)
    return {lane: taken for lane, taken in samples.items() if lane.contestant not in failed}


def table(samples: dict[Lane, list[Sample]]) -> dict:
    """call → contestant → shape → figure → summary."""
    result: dict = {}
    for lane, taken in samples.items():
        rows = [asdict(sample) for sample in taken]
        shapes = result.setdefault(lane.call, {}).setdefault(lane.contestant, {})
        shapes[lane.shape] = {
            name: summary([row[name] for row in rows]) for name in rows[0] if rows[0][name] is not None
        }
    return result
