"""Policies beside one another."""

import io

from rich.console import Console

from autoscaler.policy import Policy
from autoscaler.simulate import Arrivals, simulate, summarise
from monitor.curves import Curve
from monitor.whatif_view import BAR_WIDTH, Bars, Outcome, as_json, as_text, bar


def outcome(policy: Policy, *numbers: int) -> Outcome:
    points = list(simulate([Arrivals(1000 + n, number) for n, number in enumerate(numbers)], policy))
    bars = Bars(len(points))
    for point in points:
        bars.add(point)
    return Outcome(policy, summarise(points), bars.heights, Curve())


OUTCOMES = {
    "as it is": outcome(Policy(), *[0] * 60, *[2] * 60, *[0] * 180),
    "requests_per_container=60": outcome(Policy(requests_per_container=60), *[0] * 60, *[2] * 60, *[0] * 180),
}


def test_every_policy_has_its_row_and_its_chart():
    file = io.StringIO()
    Console(file=file, width=120).print(as_text(OUTCOMES))
    lines = file.getvalue().splitlines()
    assert lines[0].split()[:2] == ["Policy", "Container-minutes"]
    assert lines[1].startswith("as it is ")
    assert lines[2].startswith("requests_per_container=60 ")
    assert [line.rstrip().rpartition("  ")[2] for line in lines[4:6]] == list(OUTCOMES)
    assert "█" in lines[4]
    assert "█" not in lines[5]  # all charts have the same height
    assert "120 requests in 5 min" in lines[6]


def test_the_json_has_every_figure():
    first, second = as_json(OUTCOMES)
    assert (first["name"], first["requests"], first["most"]) == ("as it is", 120, 7)
    assert first["policy"] == str(Policy())
    assert second["most"] == 3
    assert second["container_seconds"] < first["container_seconds"]


def test_a_chart_is_never_wider_than_a_terminal():
    for seconds in (1, 71, 72, 73, 1000, 86_400):
        bars = Bars(seconds)
        for point in simulate((Arrivals(n + 1, 0) for n in range(seconds)), Policy()):
            bars.add(point)
        assert 1 <= len(bars.heights) <= BAR_WIDTH


def test_a_bar_shows_the_highest_as_a_full_block_and_one_as_something():
    assert bar([1, 5, 10, 2], 10) == "▁▄█▂"
    assert bar([1], 1) == "█"
