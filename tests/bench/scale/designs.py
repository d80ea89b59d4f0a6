"""Who gets which request, for each way to share the turns among many proxies. Pure: arrivals in, containers out.

Arrivals are one number for each request, in the order of time: the proxy that it came to. What a design makes of
them is one container for each of them, and, where it has turns, the turn. All is done in whole arrays, so that ten
million requests take seconds; only the choice between two is a loop, for each choice depends on all before it.
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Proxies = NDArray[np.int16]  # short numbers, which numpy sorts by radix: ten times as fast


class Routed(NamedTuple):
    """What became of the arrivals. `asked` tells for which of them somebody else had to be asked first."""

    containers: Whole
    turns: Whole | None
    asked: NDArray[np.bool_] | None  # None: nobody is ever asked


def arrivals(rng: Generator, proxies: int, requests: int, *, skewed: bool = False) -> Proxies:
    """Requests that come to random proxies: to all alike, or (skewed) to the k-th by 1/k, as popularity goes."""
    if not skewed:
        return rng.integers(0, proxies, requests, dtype=np.int16)
    weights = 1 / np.arange(1, proxies + 1)
    found = np.searchsorted(np.cumsum(weights / weights.sum())[:-1], rng.random(requests), side="right")
    return found.astype(np.int16)


class Sorted(NamedTuple):
    """Arrivals, proxy by proxy: where each stands in the order of time, its proxy, and the how-many-th of it."""

    order: Whole
    proxy: Proxies
    rank: Whole

    def back(self, values: Whole) -> Whole:
        """Values that belong to these, in the order of time again."""
        result = np.empty_like(values)
        result[self.order] = values
        return result


def by_proxy(came: Proxies) -> Sorted:
    """Sort arrivals by proxy, each proxy's in the order of time."""
    order = np.argsort(came, kind="stable")
    proxy = came[order]
    firsts = np.flatnonzero(np.r_[True, proxy[1:] != proxy[:-1]])
    lengths = np.diff(np.r_[firsts, len(proxy)])
    return Sorted(order, proxy, np.arange(len(proxy)) - np.repeat(firsts, lengths))


def leased(came: Proxies, containers: Whole | int, size: int) -> Routed:
    """Turns in leases of `size`: a proxy that has none left claims the next so many, and uses one for each request.

    A lease of one is the exact design. `containers` may change from arrival to arrival: turns fall to whoever
    they fall to when they are used.
    """
    one = by_proxy(came)
    claims = one.rank % size == 0
    claimed = one.back(claims.astype(np.int64)).astype(bool)
    starts = (np.cumsum(claimed) - 1) * size  # in the order of time: of whoever claims there
    latest = np.maximum.accumulate(np.where(claims, np.arange(len(came)), 0))
    turns = one.back(starts[one.order][latest] + one.rank % size)
    return Routed(turns % containers, turns, claimed)


def batched(came: Proxies, containers: int, per_trip: int) -> Routed:
    """One shared turn, claimed exactly: what comes to a proxy during one round trip (of `per_trip` requests to all
    of them together) shares a claim. Claims reach Redis by the proxy's number, which is as good as any order.
    """
    trips = -(-len(came) // per_trip)
    padded = np.full((trips, per_trip), np.iinfo(came.dtype).max)  # the last trip's rest sorts last
    padded.flat[: len(came)] = came
    within = np.argsort(padded, axis=1, kind="stable") + np.arange(0, trips * per_trip, per_trip)[:, None]
    order = within.ravel()[: len(came)]
    first = np.r_[True, np.diff(came[order]) != 0]
    first[::per_trip] = True
    turns, asked = np.empty(len(came), np.int64), np.empty(len(came), bool)
    turns[order], asked[order] = np.arange(len(came)), first
    return Routed(turns % containers, turns, asked)


def sharded(came: Proxies, containers: Whole | int, shards: int) -> Routed:
    """A turn for each shard of proxies, each over all containers; the shards begin evenly apart."""
    shard = came % shards
    one = by_proxy(shard)
    first = shard.astype(np.int64) * containers // shards
    return Routed((one.back(one.rank) + first) % containers, None, np.ones(len(came), bool))


def local(rng: Generator, came: Proxies, containers: Whole | int) -> Routed:
    """Every proxy goes round by itself, from a random container on; nobody is asked."""
    one = by_proxy(came)
    offsets = rng.integers(0, np.max(containers), int(came.max()) + 1)
    return Routed((one.back(one.rank) + offsets[came]) % containers, None, None)


def at_random(rng: Generator, came: Proxies, containers: int) -> Routed:
    """Any container."""
    return Routed(rng.integers(0, containers, len(came)), None, None)


def of_two(rng: Generator, came: Proxies, containers: int, *, own: bool) -> Routed:
    """Of two random containers the one that had fewer requests: by the proxy's own counts, or by everybody's,
    as if they were known without delay.
    """
    base = (came.astype(np.int64) * containers * own).tolist()
    counts = [0] * (containers * (int(came.max()) + 1) if own else containers)
    pairs = rng.integers(0, containers, (2, len(came))).tolist()
    chosen = np.empty(len(came), np.int64)
    for number, (begin, one, other) in enumerate(zip(base, *pairs, strict=True)):
        taken = one if counts[begin + one] <= counts[begin + other] else other
        counts[begin + taken] += 1
        chosen[number] = taken
    return Routed(chosen, None, np.ones(len(came), bool) if not own else None)


def restarted(rng: Generator, came: Proxies, deaths: int) -> tuple[Proxies, Proxies]:
    """The same arrivals when proxies die at random moments, each after a request of its own, and each one's successor
    goes on as somebody new; and who died.
    """
    proxies, now, dead = int(came.max()) + 1, came.copy(), np.empty(deaths, came.dtype)
    for number, at in enumerate(np.sort(rng.integers(0, len(came), deaths))):
        dead[number] = now[at]
        rest = now[at + 1 :]
        rest[rest == dead[number]] = proxies + number
    return now, dead
