from dataclasses import replace

from autoscaler.decision_log import Entry, Shadow
from autoscaler.policy import Policy
from deploy.container_state import State
from monitor.dashboard.chart import SPAN, STEP, Chart, Point

BEGAN = 1_700_000_000  # the begin of a step


def entry(second: int, count: int = 0, running: int = 1, target: int = 1, age: float = 1000.0) -> Entry:
    states = {8000 + n: State.RUNNING for n in range(running)}
    return Entry(BEGAN + second, count, age, None, states, target, target, BEGAN, target, "", "", Policy())


def chart_of(*entries: Entry) -> Chart:
    chart = Chart()
    for one in entries:
        chart.add(one)
    return chart


def test_a_step_is_told_once_it_is_over() -> None:
    chart = Chart()
    told = [chart.add(entry(second, count=second)) for second in range(0, 2 * STEP + 1)]
    assert [len(points) for points in told] == [0] * STEP + [1] + [0] * (STEP - 1) + [1]
    assert told[-1] == [Point(BEGAN + STEP, 1.0, 1, 1)]


def test_what_came_is_inferred_from_the_counts_of_the_window() -> None:
    counts = [0] * 5 + [10] * 5 + [10] * 130  # ten at once, which leave the window after two minutes
    counts[125:] = [0] * len(counts[125:])
    points = chart_of(*(entry(second, count) for second, count in enumerate(counts))).points
    rates = [point.rate for point in points if point.at >= BEGAN]
    assert rates[:3] == [0.0, 2.0, 0.0]
    assert set(rates[3:]) == {0.0}


def test_a_short_dip_shows() -> None:
    running = [2, 2, 1, 2, 2, 2]
    (point,) = [
        p for p in chart_of(*(entry(n, running=r, target=2) for n, r in enumerate(running))).points if p.running
    ]
    assert (point.wanted, point.running) == (2, 1)


def test_a_time_without_decisions_is_unknown_and_not_zero_containers() -> None:
    points = chart_of(entry(0), entry(1), entry(12), entry(18)).points
    assert [(p.at - BEGAN, p.wanted) for p in points if p.at >= BEGAN] == [(0, 1), (5, None), (10, 1)]


def test_decisions_of_one_second_are_one() -> None:
    chart = chart_of(entry(0, 0), entry(1, 3), entry(1, 5), entry(2, 6), entry(5, 6))
    assert next(point for point in chart.points if point.at == BEGAN).rate == 6 / STEP


def test_it_holds_an_hour_and_no_more() -> None:
    chart = chart_of(*(entry(second) for second in range(0, 2 * SPAN, STEP)))
    assert len(chart.points) == SPAN // STEP


def test_the_shadow_policy_is_told_where_there_is_one() -> None:
    shadowed = [replace(entry(n), shadow=Shadow(1, 3 - n % 2, Policy())) for n in range(5)]
    points = chart_of(*shadowed, entry(5), entry(10)).points
    assert [point.shadow for point in points if point.at >= BEGAN] == [3, None]
