"""Who gets which request."""

import numpy as np
import pytest
from bench.scale import bounds, designs, measures
from hypothesis import given
from hypothesis import strategies as st

FEW = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(lambda some: np.array(some, np.int16))


def came(*proxies: int) -> designs.Proxies:
    return np.array(proxies, np.int16)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


class TestLeases:
    def test_a_proxy_claims_when_it_has_none_left_and_uses_its_turns_one_by_one(self) -> None:
        routed = designs.leased(came(0, 1, 0, 0, 1, 2), 10, 2)
        assert routed.turns is not None
        assert routed.turns.tolist() == [0, 2, 1, 4, 3, 6]
        assert routed.asked.tolist() == [True, True, False, True, False, True]

    def test_a_lease_of_one_is_the_exact_design(self) -> None:
        assert designs.leased(came(2, 0, 1, 1), 3, 1).containers.tolist() == [0, 1, 2, 0]

    def test_a_turn_falls_by_the_ring_of_the_moment_when_it_is_used(self) -> None:
        ring = np.array([3, 3, 2, 2])
        assert designs.leased(came(0, 0, 0, 0), ring, 4).containers.tolist() == [0, 1, 0, 1]

    @given(FEW, st.integers(1, 9), st.integers(1, 9))
    def test_no_turn_is_used_twice_and_the_proven_bound_holds_at_every_moment(self, some, containers, size) -> None:
        routed = designs.leased(some, containers, size)
        assert measures.repeated(routed.turns) == 0
        every_moment = list(range(1, len(some) + 1))
        assert max(measures.spreads(routed.containers, containers, every_moment)) <= bounds.of_leases(5, size)

    def test_the_worst_load_comes_as_close_to_the_bound_as_one(self) -> None:
        """Each proxy uses one turn of a lease over all containers, and rests."""
        proxies, containers = 6, 4
        routed = designs.leased(came(*range(proxies)), containers, containers)
        assert measures.spread(routed.containers, containers) == proxies == bounds.of_leases(proxies, containers) - 1


class TestTheSharedTurn:
    def test_what_comes_to_a_proxy_during_a_round_trip_shares_a_claim(self) -> None:
        routed = designs.batched(came(1, 0, 1, 0), 10, 3)
        assert routed.containers.tolist() == [1, 0, 2, 3]
        assert routed.asked.tolist() == [True, True, False, True]

    @given(FEW, st.integers(1, 9), st.integers(1, 9))
    def test_shares_are_never_more_than_one_apart(self, some, containers, trip) -> None:
        routed = designs.batched(some, containers, trip)
        assert sorted(routed.turns.tolist()) == list(range(len(some)))
        whole_trips = sorted({*range(trip, len(some), trip), len(some)})
        assert max(measures.spreads(routed.containers, containers, whole_trips)) <= bounds.of_shared_turn()
        assert measures.lateness(routed.turns) < trip


@given(FEW, st.integers(1, 9), st.integers(1, 4))
def test_some_turns_for_shards_of_proxies_are_as_many_apart_at_most(some, containers, shards) -> None:
    routed = designs.sharded(some, containers, shards)
    every_moment = list(range(1, len(some) + 1))
    assert max(measures.spreads(routed.containers, containers, every_moment)) <= bounds.of_shards(shards)


@given(FEW, st.integers(1, 9), st.integers(0, 5))
def test_round_robins_by_themselves_are_as_far_apart_as_proxies_ever_lived(some, containers, deaths) -> None:
    now, dead = designs.restarted(rng(), some, deaths)
    assert len(dead) == deaths
    routed = designs.local(rng(), now, containers)
    assert measures.spread(routed.containers, containers) <= bounds.of_local(5, deaths)


def test_a_proxy_that_died_is_never_heard_of_again() -> None:
    now, dead = designs.restarted(rng(), came(*[0] * 50), 3)
    assert [np.flatnonzero(now == one).max() < np.flatnonzero(now == one + 1).min() for one in range(3)] == [True] * 3
    assert dead.tolist() == [0, 1, 2]


@pytest.mark.parametrize("own", [True, False])
def test_of_two_the_one_with_fewer_requests_is_taken(own: bool) -> None:
    routed = designs.of_two(rng(), came(*[0] * 4_000), 2, own=own)
    assert measures.spread(routed.containers, 2) < 100


def test_a_skewed_load_falls_on_the_first_proxies() -> None:
    loads = np.bincount(designs.arrivals(rng(), 10, 10_000, skewed=True), minlength=10)
    assert loads[0] > 2 * loads[3] > 2 * loads[9] > 0
