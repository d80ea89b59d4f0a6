"""A worker's numbers: the histogram's edges, and whose fault an own answer was."""

import pytest

from lb.counters import Counters


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, "1"), (0.001, "1"), (0.0011, "2"), (0.05, "50"), (1.5, "2000"), (30.0, "30000"), (31.0, "inf")],
)
def test_a_time_falls_into_the_bucket_that_bounds_it(seconds: float, bucket: str) -> None:
    counters = Counters()
    counters.answered(seconds)
    assert counters.latency() == {bucket: 1}
    assert counters.requests == 1


def test_own_answers_are_counted_by_whose_fault_they_are() -> None:
    counters = Counters()
    for status in (400, 404, 502, 503, 504):
        counters.own_answer(status)
    assert (counters.refused, counters.errors) == (2, 3)
