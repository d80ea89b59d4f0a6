"""A worker's numbers: the histogram's edges, and what readers make of them."""

import pytest

from lb.counters import BUCKETS, Counters, latency_of, named, row_of


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, "1"), (0.001, "1"), (0.0011, "2"), (0.05, "50"), (1.5, "2000"), (30.0, "30000"), (31.0, "inf")],
)
def test_a_time_falls_into_the_bucket_that_bounds_it(seconds: float, bucket: str) -> None:
    counters = Counters()
    counters.of(8000).answered(row_of(200), seconds)
    assert named(latency_of(counters.answers())) == {bucket: 1}


@pytest.mark.parametrize(("status", "name"), [(101, "1"), (200, "2"), (304, "3"), (499, "4"), (503, "5"), (999, "5")])
def test_an_answer_is_counted_in_the_class_of_its_status(status: int, name: str) -> None:
    counters = Counters()
    counters.of(8003).answered(row_of(status), 0.02)
    assert {port: list(rows) for port, rows in counters.answers().items()} == {8003: [name]}


def test_a_container_that_comes_back_goes_on_counting() -> None:
    counters = Counters()
    counters.of(8000).routed += 1
    counters.of(8000).routed += 1
    assert counters.routed() == {8000: 2}


def test_readers_add_up_the_histograms_of_containers_and_classes() -> None:
    one, two = [1] * BUCKETS, [2] + [0] * (BUCKETS - 1)
    answers = {8000: {"2": one, "5": two}, 8001: {"2": two}}
    assert latency_of(answers, 8000)[:2] == [3, 1]
    assert [sum(latency_of(answers, port)) for port in (None, 8001, 8009)] == [BUCKETS + 4, 2, 0]
