"""How stale summed counts are."""

import numpy as np
from bench.scale.counts import Counting, look, staleness


def test_it_lacks_what_was_not_told_yet_and_the_slot_that_the_window_begins_in() -> None:
    how = Counting(window=10, precision=1, told_every=1)
    at = np.array([0.2, 1.7, 5.0, 11.1, 11.4])
    assert look(how, 11.5, at, np.zeros(5, int), np.array([0.3])) == (4, 2, 3)


def test_sums_are_never_too_high_and_lack_less_than_the_bound() -> None:
    found = staleness(Counting(proxies=10, rate=500, window=10, looks=20), np.random.default_rng(2))
    assert 0 < found.mean <= found.largest < 1.5 * found.bound


def test_slots_that_are_told_at_once_lack_less() -> None:
    fine, coarse = (
        staleness(Counting(rate=500, window=10, precision=length, told_every=length), np.random.default_rng(2))
        for length in (0.05, 2)
    )
    assert fine.mean_share < coarse.mean_share / 5
