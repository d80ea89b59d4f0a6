"""How even and how orderly a routing was."""

import numpy as np
from bench.scale import measures


def test_the_spread_counts_those_who_got_nothing() -> None:
    assert measures.spread(np.array([0, 0, 1]), 3) == 2


def test_spreads_are_those_of_the_first_so_many() -> None:
    assert measures.spreads(np.array([0, 1, 1, 1]), 2, [1, 2, 4]) == [1, 0, 2]


def test_the_order_is_round_the_ring() -> None:
    assert measures.in_order(np.array([1, 2, 0, 1, 1]), 3) == 0.75


def test_a_crowd_is_the_most_of_one_round() -> None:
    assert measures.crowd(np.array([0, 1, 0, 0, 1, 1]), 2) == 2


def test_lateness_is_behind_the_newest_turn() -> None:
    assert measures.lateness(np.array([0, 4, 1, 5])) == 3


def test_a_turn_used_twice_is_noticed() -> None:
    assert measures.repeated(np.array([3, 1, 3])) == 1


def test_what_is_left_over_was_claimed_and_not_used() -> None:
    came = np.array([0, 1, 0, 1], np.int16)
    assert measures.left_over(came, np.array([True, True, False, False]), 5, np.array([1], np.int16)) == 3
