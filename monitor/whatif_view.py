"""Policies beside one another, as people and as scripts read them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoscaler.policy import Policy
from autoscaler.simulate import Point, Summary
from monitor.curves import Curve
from monitor.status_view import duration

BARS = " ▁▂▃▄▅▆▇█"
BAR_WIDTH = 72  # columns: fits a terminal of 80


class Outcome(NamedTuple):
    """What a policy makes of a load: its figures, and the containers over time in a line of text and for a chart."""

    policy: Policy
    summary: Summary
    heights: Sequence[int]
    curve: Curve


class Bars:
    """The highest number of containers in each stretch of a time, so that a chart needs no memory of every second."""

    def __init__(self, seconds: int) -> None:
        self._stretch = max(1, -(-seconds // BAR_WIDTH))
        self._seen = 0
        self.heights: list[int] = []

    def add(self, point: Point) -> None:
        """One more second."""
        if self._seen % self._stretch == 0:
            self.heights.append(0)
        self.heights[-1] = max(self.heights[-1], point.target)
        self._seen += 1


def as_text(outcomes: Mapping[str, Outcome]) -> RenderableType:
    """A table of the figures, and under it what each policy makes of the time."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Policy", overflow="fold")
    for title in ("Container-minutes", "Changes", "Most", "Busiest (requests/s)", "Short"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, outcome in outcomes.items():
        table.add_row(Text(name), *cells(outcome.summary))
    most = max(outcome.summary.most for outcome in outcomes.values())
    charts = [Text(f"{bar(outcome.heights, most)}  {name}") for name, outcome in outcomes.items()]
    return Group(table, Text(""), *charts, Text(legend(next(iter(outcomes.values()))), style="dim"))


def cells(summary: Summary) -> list[str]:
    """The figures of one policy."""
    minutes = f"{summary.container_seconds / 60:,.1f}"
    return [minutes, str(summary.changes), str(summary.most), f"{summary.busiest:.1f}", duration(summary.short)]


def bar(heights: Sequence[int], most: int) -> str:
    """Containers over time; the highest is a full block."""
    return "".join(BARS[-(-height * (len(BARS) - 1) // max(1, most))] for height in heights)


def legend(first: Outcome) -> str:
    """What the rows and columns mean."""
    summary = first.summary
    return (
        f"{summary.requests:,} requests in {duration(summary.seconds)}. As it is: {first.policy}.\n"
        "Most: containers at one time. Busiest: the most requests that one container got in a second.\n"
        "Short: how long fewer ran than were wanted, while some booted."
    )


def as_json(outcomes: Mapping[str, Outcome]) -> list[dict[str, Any]]:
    """One object for each policy; the names of the fields are part of the interface."""
    return [
        {"name": name, "policy": str(outcome.policy), **asdict(outcome.summary)} for name, outcome in outcomes.items()
    ]
