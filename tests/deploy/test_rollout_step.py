"""The roll-out's next step as a table: roll-out and rows in, one move out."""

from dataclasses import replace

import pytest

from deploy.container import Container
from deploy.container_state import State
from deploy.rollout import Phase, Rollout
from deploy.rollout_step import Act, Move, Sight, next_move

NOW = 1000.0
ROLLING = Rollout().begun("v2", "v1", 10, by="ann", now=900.0)
PROVEN = ROLLING.proven()
UNDOING = PROVEN.undone(Phase.FAILED, "it does not work", now=950.0)
PORTS = range(8000, 8003)


def row(port: int, state: State = State.RUNNING, **fields: object) -> Container:
    known = {"image": "v1", "since": 500.0, "created_at": 500.0} | fields
    return Container(port, port - 7999, state, known.pop("generation", 1), **known)


def new(port: int, state: State = State.RUNNING, **fields: object) -> Container:
    return row(port, state, **({"image": "v2", "generation": 11, "since": 980.0, "created_at": 960.0} | fields))


def restored(port: int, state: State = State.RUNNING, **fields: object) -> Container:
    return row(port, state, **({"generation": 12, "since": 980.0, "created_at": 960.0} | fields))


def step(rollout: Rollout, *containers: Container) -> tuple[Act, int]:
    move = next_move(Sight(rollout, containers, PORTS, NOW))
    return move.act, move.port


@pytest.mark.parametrize(
    ("rollout", "containers", "expected"),
    [
        (ROLLING, [row(8000)], (Act.SURGE, 8001)),
        (ROLLING, [row(8000), row(8002)], (Act.SURGE, 8001)),
        (ROLLING, [row(8000), row(8001), row(8002)], (Act.REPLACE, 8000)),
        (ROLLING, [row(8000), new(8001, State.STARTING, surge=1, created_at=990.0)], (Act.WAIT, 0)),
        (ROLLING, [row(8000), new(8001, surge=1, since=NOW - 1)], (Act.WAIT, 0)),
        (ROLLING, [row(8000), new(8001, surge=1)], (Act.PROVE, 0)),
        (PROVEN, [row(8000), new(8001, surge=1)], (Act.REPLACE, 8000)),
        (PROVEN, [row(8000, State.DRAINING, successor="v2"), new(8001, surge=1)], (Act.WAIT, 0)),
        (PROVEN, [row(8000, State.STOPPING, successor="v2"), new(8001, surge=1)], (Act.WAIT, 0)),
        (PROVEN, [new(8000), new(8001, surge=1)], (Act.END_SURGE, 8001)),
        (PROVEN, [new(8000), new(8001, State.DRAINING, surge=1)], (Act.WAIT, 0)),
        (PROVEN, [new(8000), new(8001, State.DRAINING, surge=1, parked=1)], (Act.END_SURGE, 8001)),  # by hand
        (PROVEN, [new(8000)], (Act.FINISH, 0)),
        (PROVEN, [new(8000, since=NOW - 0.5)], (Act.WAIT, 0)),
        (PROVEN, [row(8000), row(8001, State.FAILED), new(8002)], (Act.REPLACE, 8001)),
        (PROVEN, [row(8000), row(8001, State.DRAINING), new(8002)], (Act.REPLACE, 8000)),
        (PROVEN, [row(8000, State.DRAINING, parked=1), new(8002)], (Act.FINISH, 0)),
        (PROVEN, [row(8000), new(8001, State.SICK)], (Act.WAIT, 0)),
        (ROLLING, [], (Act.FINISH, 0)),
    ],
)
def test_one_after_the_other_while_somebody_serves(rollout, containers, expected):
    assert step(rollout, *containers) == expected


@pytest.mark.parametrize(
    "broken",
    [
        new(8001, State.SICK, attempts=2),
        new(8001, State.STARTING, attempts=1, created_at=NOW - 30),
        new(8001, State.SICK, relapses=1),
        new(8001, State.FAILED),
    ],
)
def test_a_new_one_that_does_not_work_ends_it(broken):
    assert next_move(Sight(ROLLING, [row(8000), replace(broken, reason="no store")], PORTS, NOW)) == Move(
        Act.UNDO, 8001, "8001: no store"
    )


@pytest.mark.parametrize("well", [new(8001, State.SICK, attempts=1, created_at=NOW - 1), new(8001, State.SICK)])
def test_one_bad_start_or_a_late_sickness_does_not(well):
    assert step(PROVEN, row(8000), well) == (Act.WAIT, 0)


def test_an_old_one_that_is_sick_again_and_again_says_nothing_about_the_new_image():
    assert step(PROVEN, row(8000, State.FAILED, relapses=3, attempts=6), new(8001)) == (Act.REPLACE, 8000)


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([row(8000), new(8001, State.SICK, surge=1)], (Act.END_SURGE, 8001)),
        ([row(8000), new(8001, State.SICK)], (Act.REPLACE, 8001)),
        ([new(8000), new(8001), new(8002, surge=1)], (Act.REPLACE, 8000)),
        ([new(8000, State.STOPPING, successor="v1"), new(8001)], (Act.WAIT, 0)),
        ([restored(8000), new(8001)], (Act.REPLACE, 8001)),
        ([restored(8000, since=NOW), new(8001)], (Act.WAIT, 0)),
        ([restored(8000), restored(8001), new(8002, surge=1)], (Act.END_SURGE, 8002)),
        ([restored(8000, State.SICK, attempts=2), new(8001)], (Act.FINISH, 8000)),
        ([row(8000), row(8001, State.SICK, attempts=2)], (Act.FINISH, 0)),
        ([row(8000)], (Act.FINISH, 0)),
    ],
)
def test_undoing_gives_every_port_the_old_image_again(containers, expected):
    assert step(UNDOING, *containers) == expected


def test_one_of_before_that_comes_back_later_is_replaced():
    done = PROVEN.finished(now=NOW)
    assert step(done, row(8000, State.DRAINING, parked=1), new(8001)) == (Act.WAIT, 0)
    assert step(done, row(8000), new(8001)) == (Act.REPLACE, 8000)
    assert step(done, new(8000), new(8001)) == (Act.WAIT, 0)


@pytest.mark.parametrize("phase", [Phase.NONE, Phase.DONE, Phase.FAILED, Phase.ABORTED])
def test_what_is_over_only_clears_the_extra_one_away(phase):
    over = replace(ROLLING, phase=phase)
    assert step(over, row(8000, State.SICK)) == (Act.WAIT, 0)
    assert step(over, row(8000), new(8001, surge=1)) == (Act.END_SURGE, 8001)
    assert step(over, row(8000, State.SICK), new(8001, surge=1)) == (Act.WAIT, 0)
