import pytest

from deploy.container_state import FIRST, LAST, MOVES, State, in_ring, may_move


def test_every_state_has_its_row():
    assert set(MOVES) == set(State)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (State.STARTING, {State.RUNNING, State.SICK, State.STOPPING, State.FAILED}),
        (State.RUNNING, {State.SICK, State.DRAINING}),
        (State.SICK, {State.STARTING, State.STOPPING, State.FAILED}),
        (State.DRAINING, {State.RUNNING, State.STOPPING}),
        (State.FAILED, {State.STARTING, State.STOPPING}),
        (State.STOPPING, {State.STARTING}),
    ],
)
def test_only_the_moves_of_the_table_are_allowed(origin: State, allowed: set[State]):
    assert {to for to in State if may_move(origin, to)} == allowed


def test_a_container_never_goes_from_the_ring_to_term_without_draining():
    assert not may_move(State.RUNNING, State.STOPPING)


def test_every_state_leads_to_the_end():
    reached = {LAST}
    while grown := {state for state in State if MOVES[state] & reached} - reached:
        reached |= grown
    assert reached == set(State)


def test_every_state_is_reached_from_the_first():
    reached = {FIRST}
    while grown := set().union(*(MOVES[state] for state in reached)) - reached:
        reached |= grown
    assert reached == set(State)


def test_only_running_is_in_the_ring():
    assert [state for state in State if in_ring(state)] == [State.RUNNING]
