"""Virtual seconds through the real rule."""

import itertools

import pytest

from autoscaler.policy import Policy, Rule, wanted
from autoscaler.simulate import Arrivals, Booting, Window, simulate, summarise

RULE = Policy()


def seconds(*stretches: tuple[int, int], start: int = 1000) -> list[Arrivals]:
    """Stretches of (seconds, requests in each)."""
    numbers = [number for length, number in stretches for _ in range(length)]
    return [Arrivals(start + n, number) for n, number in enumerate(numbers)]


def test_the_window_counts_what_came_in_its_seconds_and_no_more() -> None:
    window, counts = Window(3), []
    for second in seconds((2, 5), (5, 1)):
        window.add(second)
        counts.append(window.count)
    assert counts == [5, 10, 11, 7, 3, 3, 3]


def test_booting_takes_its_seconds_and_stopping_none() -> None:
    booting = Booting(2)
    targets = [1, 3, 3, 3, 5, 2, 2, 4, 4, 4]
    assert [booting.running(at, target) for at, target in enumerate(targets)] == [1, 1, 1, 3, 3, 2, 2, 2, 2, 4]


def test_without_booting_everything_runs_at_once() -> None:
    booting = Booting(0)
    assert [booting.running(at, target) for at, target in enumerate([1, 4, 2, 9])] == [1, 4, 2, 9]


def test_twenty_requests_bring_a_second_container_and_quiet_takes_it_again() -> None:
    points = list(simulate(seconds((1, 0), (1, 20), (300, 0)), RULE))
    targets = [point.target for point in points]
    # One second with the 20th request, 119 more in the window, then 119 in which two were wanted less than 120 s ago.
    assert [(target, len(list(group))) for target, group in itertools.groupby(targets)] == [(1, 1), (2, 239), (1, 62)]


def test_a_day_never_runs_under_what_the_rule_wants_once_booted() -> None:
    day = seconds(*((3600, rate) for rate in (0, 0, 1, 2, 5, 3, 1, 0)))
    points = list(simulate(day, Policy(requests_per_container=100)))
    assert all(point.target >= wanted(point.in_window, Policy(requests_per_container=100)) for point in points)
    assert points[-1].target == 1


def test_another_policy_gives_other_figures() -> None:
    load = seconds((60, 0), (300, 2), (1, 40), (599, 0))
    usual, frugal = (
        summarise(simulate(load, policy)) for policy in (RULE, RULE.changed("requests_per_container=40,window=60"))
    )
    assert (usual.seconds, usual.requests) == (frugal.seconds, frugal.requests) == (960, 640)
    assert usual.most == 10
    assert frugal.most == 4
    assert usual.container_seconds > frugal.container_seconds
    assert (usual.busiest, frugal.busiest) == (4.0, 10.0)


def test_the_figures_of_a_short_story_can_be_added_up_by_hand() -> None:
    summary = summarise(simulate(seconds((2, 0), (1, 45), (3, 0)), Policy(window=2, stabilization=0), boot_seconds=1))
    # targets 1 1 3 3 1 1, running 1 1 1 3 1 1
    assert (summary.container_seconds, summary.changes, summary.most) == (8, 2, 3)
    assert (summary.busiest, summary.short) == (45.0, 1)


@pytest.mark.parametrize("minimum", [1, 3])
def test_nothing_at_all_is_served_by_the_minimum(minimum: int) -> None:
    summary = summarise(simulate(seconds((10, 0)), Policy(minimum=minimum)))
    assert (summary.container_seconds, summary.changes) == (10 * minimum, 0)


def test_no_seconds_have_no_figures() -> None:
    assert summarise(simulate([], RULE)).seconds == 0


def test_requests_in_flight_are_the_rate_times_the_time_that_each_takes() -> None:
    policy = Policy(rule=Rule.IN_FLIGHT, in_flight=2)
    points = list(simulate(seconds((3, 10), (3, 40)), policy, service_seconds=0.2))
    assert [point.wanted for point in points] == [1, 1, 1, 4, 4, 4]


def test_a_simulation_goes_up_in_steps() -> None:
    points = list(simulate(seconds((6, 100)), Policy(up_step=2, up_cooldown=2)))
    assert [point.target for point in points] == [3, 3, 5, 5, 7, 7]
