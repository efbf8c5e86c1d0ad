"""Medians and spreads of a few rounds."""

from statistics import median

__all__ = ["median", "percentile", "ratio", "summary"]


def percentile(sorted_values: list[int], share: float) -> int:
    """The value that `share` of all are not above; the list must be sorted and not empty."""
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


def summary(values: list[float]) -> dict:
    """Median, extremes and the samples. `spread` is half the range as a share of the median."""
    middle = median(values)
    low, high = min(values), max(values)
    return {
        "median": middle,
        "min": low,
        "max": high,
        "spread": (high - low) / 2 / middle if middle else 0.0,
        "samples": values,
    }


def ratio(ours: dict, theirs: dict) -> float:
    """Median of the ratios round by round: both were measured a moment apart, so that what disturbs a round disturbs
    both sides of its ratio."""
    return median(a / b for a, b in zip(ours["samples"], theirs["samples"], strict=True))
