"""Every design over the same arrivals, held against what is proved."""

from dataclasses import replace

import numpy as np
import pytest
from bench.scale import designs
from bench.scale.trials import Design, Fleet, all_trials, every_design, trial, uninformed

SMALL = Fleet(proxies=20, containers=50, requests=20_000, deaths=5, trip=10)


def test_every_design_keeps_what_is_proved_of_it() -> None:
    said: list[str] = []
    rows = [row for row, _ in all_trials(SMALL, 1, said.append)]
    assert len(rows) == len(said) == 2 * len(every_design(SMALL))
    by_name = {row.design: row for row in rows}
    exact = by_name["shared turn, unhurried"]
    assert (exact.spread, exact.in_order, exact.crowd, exact.lateness, exact.turns_lost) == (1, 1.0, 1, 0, 0)
    assert by_name["shared turn"].spread == by_name["shared turn"].spread_after_change == 1
    assert by_name["random"].bound is None
    assert by_name["random"].spread > by_name["leases of 10"].spread


def test_the_shared_turn_is_asked_less_when_many_come_at_once() -> None:
    rows = {row.design: row for row, _ in all_trials(replace(SMALL, trip=100), 1, lambda _: None)}
    assert rows["shared turn"].asked_per_1000 < 250 < rows["shared turn, unhurried"].asked_per_1000 == 1000


def test_a_bound_that_is_broken_stops_it() -> None:
    wrong = Design("random", lambda rng, came, ring: designs.at_random(rng, came, int(np.max(ring))), 1, None, None)
    came = designs.arrivals(np.random.default_rng(1), 20, 1_000)
    with pytest.raises(AssertionError, match=r"random: \d+ apart at some time, proven are 1"):
        trial(wrong, replace(SMALL, containers=5), np.random.default_rng(1), came, "even")


def test_who_has_not_asked_since_does_not_know() -> None:
    came = np.array([0, 1, 0, 1, 1, 0], np.int16)
    asked = np.array([True, True, False, False, True, False])
    assert uninformed(came, asked, 2) == 3
