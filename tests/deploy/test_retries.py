import pytest

from deploy.container import Container
from deploy.container_state import State
from deploy.retries import after_failed_start, after_sickness, is_given_up, relapse_delay, start_delay

NOW = 1000.0


@pytest.mark.parametrize(("attempts", "delay"), [(0, 0), (1, 0.5), (2, 1), (3, 2), (5, 8), (7, 30), (2000, 30)])
def test_the_wait_after_failed_starts_doubles_up_to_a_bound(attempts, delay):
    assert start_delay(attempts) == delay


@pytest.mark.parametrize(("relapses", "delay"), [(0, 0), (1, 0), (2, 0), (3, 0.5), (4, 1), (50, 30)])
def test_a_relapse_waits_only_when_it_happens_again_and_again(relapses, delay):
    assert relapse_delay(relapses) == delay


@pytest.mark.parametrize(("attempts", "given_up"), [(1, False), (5, False), (6, True), (7, True)])
def test_attempts_are_bounded(attempts, given_up):
    assert is_given_up(attempts) is given_up


@pytest.mark.parametrize(("healthy_for", "relapses"), [(0.1, 3), (4.9, 3), (5, 0), (3600, 0)])
def test_a_sickness_after_a_settled_time_is_a_new_one(healthy_for, relapses):
    container = Container(8000, 1, State.RUNNING, 1, since=NOW - healthy_for, relapses=2)
    assert after_sickness(container, NOW)["relapses"] == relapses


def test_a_failed_start_is_one_attempt_more_and_waits_longer():
    container = Container(8000, 1, State.STARTING, 1, attempts=1)
    assert after_failed_start(container, NOW) == {"attempts": 2, "next_try_at": NOW + 1}
