"""Steps and cool-downs as tables."""

import pytest

from autoscaler.brakes import NEVER, UNKNOWN, Brake, Brakes, Changes, braked, followed_by

FREE = Brake()
PAST = Changes(3, up_at=100.0, down_at=50.0)


@pytest.mark.parametrize(
    ("asked", "up", "down", "now", "answer"),
    [
        (9, FREE, FREE, 100.0, 9),  # nothing slows
        (1, FREE, FREE, 100.0, 1),
        (3, Brake(1, 60), Brake(1, 60), 100.0, 3),  # nothing to do
        (9, Brake(2), FREE, 100.0, 5),  # a step
        (4, Brake(2), FREE, 100.0, 4),  # less than a step
        (1, FREE, Brake(1), 100.0, 2),
        (1, FREE, Brake(5), 100.0, 1),
        (9, Brake(0, 30), FREE, 129.9, 3),  # cooling down since 100
        (9, Brake(0, 30), FREE, 130.0, 9),
        (9, Brake(1, 30), FREE, 130.0, 4),
        (1, Brake(0, 999), FREE, 101.0, 1),  # the other direction's cool-down is another one
        (1, FREE, Brake(0, 60), 109.0, 3),  # since 50
        (1, FREE, Brake(0, 60), 110.0, 1),
    ],
)
def test_the_number_follows_as_fast_as_the_brakes_allow(
    asked: int, up: Brake, down: Brake, now: float, answer: int
) -> None:
    assert braked(asked, 3, PAST, now, Brakes(up, down)) == answer


def test_what_never_changed_is_not_cooling_down() -> None:
    assert braked(9, 3, Changes(3), 0.0, Brakes(Brake(0, 1e9), FREE)) == 9


@pytest.mark.parametrize(
    ("before", "target", "after"),
    [
        (3, 3, Changes(3, 100.0, 50.0)),
        (3, 5, Changes(5, 200.0, 50.0)),
        (3, 1, Changes(1, 100.0, 200.0)),
    ],
)
def test_the_time_of_a_change_is_remembered_by_its_direction(before: int, target: int, after: Changes) -> None:
    assert followed_by(PAST, before, target, 200.0) == after


def test_what_is_unknown_becomes_known_with_the_first_decision() -> None:
    assert followed_by(UNKNOWN, 2, 2, 10.0) == Changes(2, NEVER, NEVER)
