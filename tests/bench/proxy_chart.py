"""The chart of `tests/bench/proxy.py`: CPU per request as bars, one panel for each number of connections."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure

OURS, OURS_LIGHT, THEIRS = "#2f6f4f", "#8fbfa6", "#9aa5b1"
LEFT_OUT = {"Flask + requests", "no proxy", "ours without accounting"}  # the first would dwarf all, so it is written


class Measured(Protocol):
    """What is drawn of a result."""

    @property
    def target(self) -> str:
        """Its name."""

    @property
    def connections(self) -> int:
        """How many there were."""

    @property
    def cpu_us(self) -> float:
        """Of one request."""


def draw(results: Sequence[Measured], relative: Mapping[tuple[str, int], float], path: Path) -> None:
    """Draw the medians, the cheapest on top; `relative` is what to say of a target: how many times HAProxy's cost."""
    groups = sorted({result.connections for result in results if result.connections > 1})
    shown = [result for result in results if result.target not in LEFT_OUT]
    height = 1.4 + 0.36 * len({result.target for result in shown})
    figure = Figure(figsize=(11, height), layout="constrained")
    figure.suptitle("CPU microseconds per request: keep-alive, the proxy on a core of its own", fontsize=13)
    for axes, connections in zip(figure.subplots(1, len(groups), squeeze=False)[0], groups, strict=True):
        panel(axes, [result for result in shown if result.connections == connections], relative)
        axes.set_title(f"{connections} connections" + naive(results, connections), fontsize=10, loc="left")
    figure.savefig(path, dpi=110)


def panel(axes: Axes, results: list[Measured], relative: Mapping[tuple[str, int], float]) -> None:
    """The bars of one number of connections, each with its value and what it is relative to HAProxy's."""
    results = sorted(results, key=lambda result: -result.cpu_us)
    bars = axes.barh([each.target for each in results], [each.cpu_us for each in results])
    for bar, each in zip(bars, results, strict=True):
        ours = each.target.startswith("ours")
        bar.set_color((OURS if each.target == "ours" else OURS_LIGHT) if ours else THEIRS)
    labels = [f"{each.cpu_us:.0f}  ({relative[each.target, each.connections]:.2f} x)" for each in results]
    axes.bar_label(bars, labels, padding=4, fontsize=9)
    axes.margins(x=0.28)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(bottom=False, labelbottom=False, left=False)


def naive(results: Sequence[Measured], connections: int) -> str:
    """What the naive reference costs, in words."""
    found = [each.cpu_us for each in results if (each.target, each.connections) == ("Flask + requests", connections)]
    return f" (Flask + requests: {found[0]:,.0f})" if found else ""
