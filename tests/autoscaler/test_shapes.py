"""Made-up loads keep to their length and their peak."""

import pytest

from autoscaler.shapes import SHAPES, arrivals_of


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_its_length_its_peak_and_no_gap(name):
    shape = SHAPES[name]
    seconds = list(arrivals_of(shape, 1000, 4.0, start=50))
    assert [one.at for one in seconds] == list(range(51, 1051))
    assert 0 < max(one.number for one in seconds) <= 4


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_the_same_every_time(name):
    shape = SHAPES[name]
    assert list(arrivals_of(shape, 500, 3.0)) == list(arrivals_of(shape, 500, 3.0))


def test_fractions_of_a_request_are_not_lost():
    seconds = [one.number for one in arrivals_of(SHAPES["steady"], 10, 0.5)]
    assert seconds == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]


def total(name: str, begin: float, end: float) -> int:
    seconds = [one.number for one in arrivals_of(SHAPES[name], 1000, 10.0)]
    return sum(seconds[int(begin * 1000) : int(end * 1000)])


def test_shapes_look_like_their_names():
    assert total("ramp", 0.9, 1) > total("ramp", 0.1, 0.2)
    assert total("spike", 0.45, 0.55) > total("spike", 0, 0.45) + total("spike", 0.55, 1)
    assert total("day", 0, 0.25) == 0 < total("day", 0.7, 0.8)
    assert total("herd", 0.02, 0.09) == 0 < total("herd", 0, 0.02)
