"""How stale a count of the last minutes is, when each proxy counts for itself and tells its sums now and then.

What is simulated: requests at a steady rate, at random proxies; each proxy counts by slots (as COUNT_PRECISION does)
and writes them every so often, at a moment of its own; a reader adds up what is written. Against it the sorted set,
which has every request before it is routed.
"""

from dataclasses import dataclass

import numpy as np
from bench.scale import bounds
from numpy.random import Generator


@dataclass(frozen=True)
class Counting:
    """Times are seconds."""

    proxies: int = 1_000
    rate: float = 50_000.0  # requests/s
    window: float = 120.0
    precision: float = 1.0
    told_every: float = 1.0
    looks: int = 30  # how often the reader looks, at random moments


@dataclass(frozen=True)
class Staleness:
    """By how much the sums fell short, in requests and as shares of the true count."""

    precision: float
    told_every: float
    mean: float
    largest: int
    bound: float
    mean_share: float
    largest_share: float


def staleness(how: Counting, rng: Generator) -> Staleness:
    """Look at the sums and at the truth. Raises AssertionError when a sum is too high, or lacks more than can be."""
    end = how.window + how.told_every + how.looks
    at = rng.random(rng.poisson(how.rate * end)) * end
    by = rng.integers(0, how.proxies, len(at))
    phases = rng.random(how.proxies) * how.told_every
    moments = rng.uniform(end - how.looks, end, how.looks)
    truths, seens, limits = zip(*[look(how, now, at, by, phases) for now in moments], strict=True)
    missing = np.array(truths) - np.array(seens)
    if missing.min() < 0 or np.any(missing > limits):
        raise AssertionError(f"a sum lacks {missing.min()} to {missing.max()} requests, which cannot be")
    shares = missing / np.array(truths)
    bound = bounds.of_seen_count(how.rate, how.told_every, how.precision)
    return Staleness(
        how.precision, how.told_every, float(missing.mean()), int(missing.max()), bound, shares.mean(), shares.max()
    )


def look(how: Counting, now: float, at: np.ndarray, by: np.ndarray, phases: np.ndarray) -> tuple[int, int, int]:
    """At this moment: requests in the window, requests that the sums show, and how many they may lack: all that
    came since the slowest can have told, and in the slot that the window begins in.
    """
    begin = now - how.window
    told = now - (now - phases) % how.told_every  # when each proxy last wrote
    slot = np.floor(at / how.precision) * how.precision
    truth = np.sum((at > begin) & (at <= now))
    seen = np.sum((slot > begin) & (at <= told[by]))
    late = np.sum((at > now - how.told_every) & (at <= now))
    first = np.sum((at > begin) & (slot <= begin))
    return int(truth), int(seen), int(late + first)
