"""Made-up loads with a name, to try a policy on: how many requests come in each second, at most `peak` of them.

They are the same every time: a fraction of a request is carried over to the next second, nothing is drawn by lot.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autoscaler.simulate import Arrivals

Rate = Callable[[float], float]  # share of the length that has passed (0 to 1) -> share of the peak


@dataclass(frozen=True)
class Shape:
    """A load: what it is like, how long it lasts (seconds), and requests per second at its peak."""

    about: str
    length: int
    peak: float
    rate: Rate


def steady(_passed: float) -> float:
    """All the peak, all the time."""
    return 1.0


def ramp(passed: float) -> float:
    """Evenly up."""
    return passed


def spike(passed: float) -> float:
    """A twentieth of the peak, and all of it for a tenth of the time."""
    return 1.0 if 0.45 <= passed < 0.55 else 0.05


def day(passed: float) -> float:
    """Deep night at the beginning and the end, most at 18 hours."""
    return max(0.0, math.sin((passed - 0.25) * math.pi)) ** 2 if passed > 0.25 else 0.0


def herd(passed: float) -> float:
    """All at once in every tenth of the time, and nobody in between."""
    return 1.0 if (passed * 10) % 1 < 0.01 else 0.0


SHAPES = {
    "steady": Shape("the same all the time", 3600, 1.0, steady),
    "ramp": Shape("from nothing to the peak", 3600, 2.0, ramp),
    "spike": Shape("little, then very much for a tenth of the time, then little", 3600, 5.0, spike),
    "day": Shape("a quiet night and a busy afternoon", 86_400, 2.0, day),
    "herd": Shape("everybody at once, ten times", 6000, 20.0, herd),
}


def arrivals_of(shape: Shape, length: int, peak: float, start: int = 0) -> Iterator[Arrivals]:
    """The shape stretched to `length` seconds and `peak` requests per second, beginning at unix time `start`."""
    owed = 0.0
    for second in range(length):
        owed += shape.rate(second / length) * peak
        number = int(owed)
        owed -= number
        yield Arrivals(start + second + 1, number)
