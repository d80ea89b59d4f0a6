"""Draws a chart of policies: `python -m monitor.chart FILE`, what it shows as JSON on stdin (see `monitor.curves`).

Above, the requests per second; below, how many containers each policy keeps for them, and faintly how many this
instant's load wants.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

COLOURS = ("#1f6f54", "#c2571a", "#4663ac", "#8a4f9e", "#7a6a12")  # tell apart also without seeing red or green
SIZE_INCHES, DOTS_PER_INCH = (9.0, 4.6), 120


def main(arguments: Sequence[str]) -> int:
    """Draw to the named file; 1, with a sentence, when that cannot be written."""
    told = json.load(sys.stdin)
    try:
        drawn(told["title"], told["curves"]).savefig(arguments[0], dpi=DOTS_PER_INCH)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def drawn(title: str, curves: Mapping[str, Mapping[str, Any]]) -> Figure:
    """The whole chart."""
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    load, containers = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    first = next(iter(curves.values()))
    load.fill_between(times_of(first), first["requests"], step="post", color="#8fa3ad", linewidth=0)
    load.set_ylabel("requests/s")
    load.set_title(title, loc="left", fontsize=11)
    for (name, curve), colour in zip(curves.items(), COLOURS * len(curves), strict=False):
        draw_containers(containers, name, curve, colour)
    containers.set_ylabel("containers")
    containers.yaxis.set_major_locator(MaxNLocator(integer=True))
    containers.set_ylim(bottom=0)
    containers.legend(loc="upper left", fontsize=8, framealpha=0.85)
    for axes in (load, containers):
        plain(axes)
    return figure


def draw_containers(axes: Axes, name: str, curve: Mapping[str, Any], colour: str) -> None:
    """One policy's containers: what is wanted at each instant faintly, what there should be as a line."""
    times = times_of(curve)
    axes.step(times, curve["wanted"], where="post", color=colour, linewidth=0.7, alpha=0.35)
    axes.step(times, curve["target"], where="post", color=colour, linewidth=1.8, label=name)


def times_of(curve: Mapping[str, Any]) -> Any:
    """The beginning of each stretch. Made-up loads begin at 0, midnight of 1970: shown as a day without a date."""
    start = datetime.fromtimestamp(curve["start"], UTC)
    return date2num(  # type: ignore[no-untyped-call]
        [start + timedelta(seconds=n * curve["stretch"]) for n in range(len(curve["requests"]))]
    )


def plain(axes: Axes) -> None:
    """No frame, a quiet grid, times that can be read."""
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis_date()
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
