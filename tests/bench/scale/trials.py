"""One row for each design and load: what `designs` make of the same arrivals, measured, and held against `bounds`.

A bound that is broken stops the run: then either the proof or the program is wrong, and no figure is worth writing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from bench.scale import bounds, designs, measures
from bench.scale.designs import Proxies, Routed, Whole
from numpy.random import Generator

Route = Callable[[Generator, Proxies, "Whole | int"], Routed]
Curve = list[tuple[int, int]]  # requests so far, spread of the shares


@dataclass(frozen=True)
class Fleet:
    """How large all is. `trip` is how many requests come to all proxies together while one claim is under way."""

    proxies: int = 1_000
    containers: int = 10_000
    requests: int = 10_000_000
    deaths: int = 100
    trip: int = 200  # 0.2 ms at a million requests/s


@dataclass(frozen=True)
class Design:
    """A way to share turns. The bounds are None where there is none that does not grow with the requests."""

    name: str
    route: Route
    bound: int | None
    bound_after_deaths: int | None
    bound_after_change: int | None  # of the requests after it
    changeable: bool = True  # whether deaths and a change of the ring make a difference
    lease: int = 0  # turns claimed ahead of the requests


@dataclass(frozen=True)
class Row:
    """What a design made of a load. None: there is no such thing here."""

    design: str
    load: str
    requests: int
    asked_per_1000: float  # round trips for a thousand requests
    spread: int
    bound: int | None
    in_order: float
    crowd: int
    lateness: int | None  # turns
    spread_after_deaths: int | None
    bound_after_deaths: int | None
    turns_lost: int | None  # by the deaths
    spread_after_change: int | None
    bound_after_change: int | None
    uninformed: int | None  # requests by the old ring when only claims tell that it has changed


def every_design(fleet: Fleet) -> list[Design]:
    """All that are compared, the exact one first."""
    return [
        shared_design("shared turn", fleet.trip),
        shared_design("shared turn, unhurried", 1),
        *[sharded_design(shards) for shards in (4, 16)],
        *[leased_design(fleet, size) for size in (10, 100, 1_000)],
        Design(
            "local round robin",
            designs.local,
            bounds.of_local(fleet.proxies),
            bounds.of_local(fleet.proxies, fleet.deaths),
            bounds.of_local(fleet.proxies),
        ),
        Design("two choices, counts shared", two_choices(own=False), None, None, None, changeable=False),
        Design("two choices, own counts", two_choices(own=True), None, None, None, changeable=False),
        Design(
            "random", lambda rng, came, ring: designs.at_random(rng, came, int(np.max(ring))), None, None, None, False
        ),
    ]


def shared_design(name: str, per_trip: int) -> Design:
    """One shared turn; unhurried: requests are further apart than a claim takes, so that each has its own."""
    bound = bounds.of_shared_turn()
    return Design(name, lambda _rng, came, ring: batched_by(came, ring, per_trip), bound, bound, bound)


def batched_by(came: Proxies, ring: Whole | int, per_trip: int) -> Routed:
    """The shared turn; a changing ring is the one of the claim, so that each turn falls by the newest."""
    found = designs.batched(came, 1, per_trip)
    assert found.turns is not None
    return Routed(found.turns % ring, found.turns, found.asked)


def sharded_design(shards: int) -> Design:
    """A turn for each of so many shards."""
    bound = bounds.of_shards(shards)
    return Design(f"{shards} turns", lambda _rng, came, ring: designs.sharded(came, ring, shards), bound, bound, bound)


def leased_design(fleet: Fleet, size: int) -> Design:
    """Leases of so many turns."""
    return Design(
        f"leases of {size:,}",
        lambda _rng, came, ring: designs.leased(came, ring, size),
        bounds.of_leases(fleet.proxies, size),
        bounds.of_leases(fleet.proxies, size, fleet.deaths),
        1 + 2 * fleet.proxies,  # of the requests after it: what of_leases adds for one change
        lease=size,
    )


def two_choices(*, own: bool) -> Route:
    """The better of two."""
    return lambda rng, came, ring: designs.of_two(rng, came, int(np.max(ring)), own=own)


def checkpoints(requests: int, trip: int) -> list[int]:
    """Numbers of requests, evenly apart on a logarithmic scale, after which the spread is looked at: whole round
    trips, for what is claimed and not sent yet is nobody's share.
    """
    some = {int(n) // trip * trip for n in np.geomspace(max(10, requests // 10_000), requests, 25)}
    return sorted((some | {requests}) - {0})


def trial(design: Design, fleet: Fleet, rng: Generator, came: Proxies, load: str) -> tuple[Row, Curve]:
    """One design under one load: as it is, with proxies that die, and with a container that leaves half way."""
    routed = design.route(rng, came, fleet.containers)
    after = checkpoints(len(came), fleet.trip)
    spreads = measures.spreads(routed.containers, fleet.containers, after)
    hold(design, "at some time", max(spreads), design.bound)
    if routed.turns is not None:
        assert not measures.repeated(routed.turns), f"{design.name}: a turn was used twice"
    died, lost = after_deaths(design, fleet, rng, came) if design.changeable else (None, None)
    changed, gone = after_change(design, fleet, rng, came) if design.changeable else (None, None)
    row = Row(
        design=design.name,
        load=load,
        requests=len(came),
        asked_per_1000=round(1000 * float(np.mean(routed.asked)), 3) if routed.asked is not None else 0.0,
        spread=max(spreads),
        bound=design.bound,
        in_order=round(measures.in_order(routed.containers, fleet.containers), 4),
        crowd=measures.crowd(routed.containers, fleet.containers),
        lateness=measures.lateness(routed.turns) if routed.turns is not None else None,
        spread_after_deaths=died,
        bound_after_deaths=design.bound_after_deaths,
        turns_lost=lost,
        spread_after_change=changed,
        bound_after_change=design.bound_after_change,
        uninformed=gone,
    )
    return row, list(zip(after, spreads, strict=True))


def hold(design: Design, when: str, found: int, bound: int | None) -> None:
    """Stop when a proven bound is broken."""
    if bound is not None and found > bound:
        raise AssertionError(f"{design.name}: {found} apart {when}, proven are {bound}")


def after_deaths(design: Design, fleet: Fleet, rng: Generator, came: Proxies) -> tuple[int, int | None]:
    """The spread when proxies have died, and the turns that were lost with them."""
    now, dead = designs.restarted(rng, came, fleet.deaths)
    routed = design.route(rng, now, fleet.containers)
    found = measures.spread(routed.containers, fleet.containers)
    hold(design, "after deaths", found, design.bound_after_deaths)
    if design.lease and routed.asked is not None:
        return found, measures.left_over(now, routed.asked, design.lease, dead)
    return found, None if routed.asked is None else 0


def after_change(design: Design, fleet: Fleet, rng: Generator, came: Proxies) -> tuple[int, int | None]:
    """The spread of what came after the last container had left, and how many still went by the ring before because
    their proxy had not claimed since.
    """
    at = len(came) // 2 // fleet.trip * fleet.trip
    ring = np.full(len(came), fleet.containers)
    ring[at:] -= 1
    routed = design.route(rng, came, ring)
    found = measures.spread(routed.containers[at:], fleet.containers - 1)
    hold(design, "after a change of the ring", found, design.bound_after_change)
    return found, None if routed.asked is None else uninformed(came, routed.asked, at)


def uninformed(came: Proxies, asked: np.ndarray, at: int) -> int:
    """Requests after a change that came to proxies which had not asked anybody since."""
    since = came[at:]
    first_asked = np.full(int(came.max()) + 1, len(since))
    where = np.flatnonzero(asked[at:])[::-1]
    first_asked[since[where]] = where
    return int(np.sum(np.arange(len(since)) < first_asked[since]))


def all_trials(fleet: Fleet, seed: int, say: Callable[[str], None]) -> Iterator[tuple[Row, Curve]]:
    """Every design under an even and a skewed load, with its curve."""
    for load in ("even", "skewed"):
        came = designs.arrivals(np.random.default_rng(seed), fleet.proxies, fleet.requests, skewed=load == "skewed")
        for number, design in enumerate(every_design(fleet)):
            say(f"{load} load: {design.name}")
            yield trial(design, fleet, np.random.default_rng([seed, number]), came, load)
