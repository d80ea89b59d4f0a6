"""Plans as tables: containers and a target in, orders out."""

import itertools

import pytest

from autoscaler.plan import Step, plan, staying
from deploy.container_state import State

STARTING, RUNNING, SICK = State.STARTING, State.RUNNING, State.SICK
DRAINING, STOPPING, FAILED = State.DRAINING, State.STOPPING, State.FAILED


def words(states: dict[int, State], target: int) -> str:
    return str(plan(states, target, 8000))


@pytest.mark.parametrize(
    ("states", "target", "expected"),
    [
        ({}, 1, "launch 8000"),
        ({}, 3, "launch 8000, launch 8001, launch 8002"),
        ({8000: RUNNING}, 1, ""),
        ({8000: RUNNING}, 3, "launch 8001, launch 8002"),
        ({8000: RUNNING, 8001: STARTING}, 2, ""),
        ({8000: RUNNING, 8001: STARTING}, 3, "launch 8002"),
        ({8000: SICK}, 1, ""),
        ({8000: SICK, 8001: FAILED}, 2, ""),
        ({8000: SICK, 8001: FAILED}, 3, "launch 8002"),
    ],
)
def test_up_takes_the_highest_port_plus_one(states: dict[int, State], target: int, expected: str) -> None:
    assert words(states, target) == expected


@pytest.mark.parametrize(
    ("states", "target", "expected"),
    [
        ({8000: RUNNING, 8001: RUNNING}, 1, "stop 8001"),
        ({8000: RUNNING, 8001: RUNNING, 8002: RUNNING}, 1, "stop 8002, stop 8001"),
        ({8000: RUNNING, 8001: RUNNING, 8002: SICK}, 2, "stop 8002"),
        ({8000: RUNNING, 8001: FAILED}, 1, "stop 8001"),
        ({8000: RUNNING, 8001: STARTING}, 1, "stop 8001"),
        ({8000: SICK, 8001: RUNNING}, 1, "stop 8001"),
        ({8000: RUNNING, 8001: DRAINING, 8002: STOPPING}, 1, ""),
        ({8000: RUNNING, 8001: RUNNING, 8002: DRAINING}, 1, "stop 8001"),
    ],
)
def test_down_takes_the_highest_port(states: dict[int, State], target: int, expected: str) -> None:
    assert words(states, target) == expected


@pytest.mark.parametrize(
    ("states", "target", "expected"),
    [
        ({8000: RUNNING, 8001: DRAINING}, 2, "take back 8001"),
        ({8000: RUNNING, 8001: DRAINING, 8002: DRAINING}, 2, "take back 8001"),
        ({8000: RUNNING, 8001: DRAINING, 8002: DRAINING}, 4, "take back 8001, take back 8002, launch 8003"),
        ({8000: DRAINING}, 1, "take back 8000"),
    ],
)
def test_up_takes_back_what_is_only_draining(states: dict[int, State], target: int, expected: str) -> None:
    assert words(states, target) == expected


@pytest.mark.parametrize(
    ("states", "target", "expected"),
    [
        ({8000: RUNNING, 8001: STOPPING}, 2, "waiting until 8001 is gone"),
        (
            {8000: RUNNING, 8001: STOPPING},
            3,
            "launch 8002, waiting until 8001 is gone",
        ),
        (
            {8000: RUNNING, 8001: STOPPING, 8002: STOPPING},
            3,
            "waiting until 8001 and 8002 are gone",
        ),
    ],
)
def test_a_port_that_is_being_stopped_is_waited_for(states: dict[int, State], target: int, expected: str) -> None:
    assert words(states, target) == expected


@pytest.mark.parametrize(
    ("states", "target", "expected"),
    [
        ({8000: RUNNING, 8002: RUNNING}, 2, "launch 8001"),
        ({8000: RUNNING, 8001: STARTING, 8002: RUNNING}, 2, "waiting for 8001 before 8002 stops"),
        ({8000: RUNNING, 8001: RUNNING, 8002: RUNNING}, 2, "stop 8002"),
        ({8003: RUNNING}, 1, "launch 8000"),
        ({8000: STARTING, 8003: RUNNING}, 1, "waiting for 8000 before 8003 stops"),
        ({8000: RUNNING, 8003: RUNNING}, 1, "stop 8003"),
        ({7000: RUNNING, 8000: RUNNING}, 1, "stop 7000"),
        ({8000: STOPPING, 8001: RUNNING}, 1, "waiting until 8000 is gone"),
    ],
)
def test_a_hole_is_filled_before_anything_above_it_goes(states: dict[int, State], target: int, expected: str) -> None:
    assert words(states, target) == expected


def test_only_containers_that_are_not_leaving_count_as_existing() -> None:
    states = dict(enumerate(State, start=8000))
    assert [states[port] for port in staying(states)] == [STARTING, RUNNING, SICK, FAILED]


EVERYTHING = [
    ({8000 + i: state for i, state in enumerate(states) if state is not None}, target)
    for states in itertools.product([None, *State], repeat=4)
    for target in range(1, 5)
]


def test_no_plan_ever_stops_what_is_needed_or_launches_what_is_there() -> None:
    for states, target in EVERYTHING:
        needed = range(8000, 8000 + target)
        for order in plan(states, target, 8000).orders:
            if order.step is Step.STOP:
                assert order.port not in needed
                assert order.port in staying(states)
            else:
                assert order.port in needed
                assert states.get(order.port) is (DRAINING if order.step is Step.TAKE_BACK else None)


def test_every_plan_comes_to_rest_with_exactly_the_wanted_ports() -> None:
    """Whatever there is, carrying the orders out (and the launcher doing its part) ends on contiguous ports."""
    for first, target in EVERYTHING:
        states = first
        for _ in range(8):
            states = launcher_done(obey(states, target))
        assert sorted(states) == list(range(8000, 8000 + target)), (first, target)
        assert plan(states, target, 8000).orders == ()


def obey(states: dict[int, State], target: int) -> dict[int, State]:
    """What the table holds once the orders of one plan are given."""
    after = dict(states)
    for order in plan(states, target, 8000).orders:
        stopped = DRAINING if states.get(order.port) is RUNNING else STOPPING
        after[order.port] = {Step.LAUNCH: STARTING, Step.TAKE_BACK: RUNNING, Step.STOP: stopped}[order.step]
    return after


def launcher_done(states: dict[int, State]) -> dict[int, State]:
    """One step of everything that waits; what is failed stays so."""
    step = {STARTING: RUNNING, SICK: STARTING, DRAINING: STOPPING, STOPPING: None}
    moved = {port: step.get(state, state) for port, state in states.items()}
    return {port: state for port, state in moved.items() if state is not None}
