"""How even and how orderly a routing was."""

import numpy as np
from bench.scale.designs import Proxies, Whole
from numpy.typing import NDArray


def spread(containers: Whole, number: int) -> int:
    """The largest difference between the shares of two of `number` containers."""
    shares = np.bincount(containers, minlength=number)
    return int(shares.max() - shares.min())


def spreads(containers: Whole, number: int, after: list[int]) -> list[int]:
    """The same after the first so many requests, for each of these (ascending) numbers."""
    shares, found = np.zeros(number, np.int64), []
    for begin, end in zip([0, *after[:-1]], after, strict=True):
        shares += np.bincount(containers[begin:end], minlength=number)
        found.append(int(shares.max() - shares.min()))
    return found


def in_order(containers: Whole, number: int) -> float:
    """The share of requests that went to the container after the one that the request before went to."""
    return float(np.mean((containers[1:] - containers[:-1]) % number == 1 % number))


def crowd(containers: Whole, number: int) -> int:
    """The most requests that one container got in a round: while as many came as there are containers."""
    rounds = np.arange(len(containers)) // number
    return int(np.bincount(rounds * number + containers).max())


def lateness(turns: Whole) -> int:
    """How far behind the newest turn one was used, at most."""
    return int((np.maximum.accumulate(turns) - turns).max())


def left_over(came: Proxies, claimed: NDArray[np.bool_], size: int, whose: Proxies) -> int:
    """Turns that these proxies had claimed, `size` at a time, and have not used."""
    theirs = np.isin(came, whose)
    return int(np.sum(claimed & theirs) * size - np.sum(theirs))


def repeated(turns: Whole) -> int:
    """Turns that were used more than once."""
    return int((np.bincount(turns) - 1).clip(0).sum())
