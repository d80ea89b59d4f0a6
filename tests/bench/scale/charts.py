"""The curves of `docs/scale.md`. On white, so that they can be read on a dark page too."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Told apart also without seeing red or green; what has none is not drawn.
COLOURS = {
    "shared turn": "#1f6f54",
    "4 turns": "#5aa98a",
    "16 turns": "#8ccab0",
    "leases of 10": "#9db5e6",
    "leases of 100": "#4663ac",
    "leases of 1,000": "#1e2f66",
    "local round robin": "#8a4f9e",
    "two choices, counts shared": "#d8a23a",
    "two choices, own counts": "#a86f14",
    "random": "#b0402a",
}
DOTS_PER_INCH = 85


Curve = Sequence[tuple[float, float]]


class Size(Protocol):
    """What is told of the fleet."""

    @property
    def proxies(self) -> int:
        """How many."""

    @property
    def containers(self) -> int:
        """How many."""


def draw_spreads(curves: Iterable[tuple[str, str, list[tuple[int, int]]]], fleet: Size, path: Path) -> None:
    """Spread of the shares against requests, both logarithmic, a panel for each load."""
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    panels: Mapping[str, Axes] = dict(zip(("even", "skewed"), figure.subplots(1, 2, sharey=True), strict=True))
    for name, load, curve in curves:
        if name not in COLOURS:
            continue
        panels[load].plot(*zip(*curve, strict=True), color=COLOURS[name], linewidth=1.6, label=name)
    for load, axes in panels.items():
        axes.set(xscale="log", xlabel="requests")
        axes.set_yscale("symlog", linthresh=1)  # shares may be equal
        axes.set_ylim(bottom=0)
        axes.set_title(f"{load} load", loc="left", fontsize=10)
        plain(axes)
    panels["even"].set_ylabel("largest less smallest share, requests")
    title = f"{fleet.proxies:,} proxies, {fleet.containers:,} containers: how far apart two containers' shares are"
    figure.suptitle(title, fontsize=11)
    figure.legend(*panels["even"].get_legend_handles_labels(), loc="outside right center", fontsize=8, frameon=False)
    figure.savefig(path, dpi=DOTS_PER_INCH)


def plain(axes: Axes) -> None:
    """A faint grid, no frame."""
    axes.grid(color="#d5dadd", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def draw_costs(ends: Mapping[str, Curve], fleet: Mapping[str, Curve], path: Path) -> None:
    """Left, where a core of Redis is full; right, what grows with the ring. All logarithmic."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, curves in ((left, ends), (right, fleet)):
        for (name, curve), colour in zip(curves.items(), ("#4663ac", "#1f6f54", "#b0402a"), strict=False):
            sizes, values = [each[0] for each in curve], [each[1] for each in curve]
            axes.plot(sizes, values, color=colour, linewidth=1.6, marker="o", markersize=3, label=name)
        axes.set(xscale="log", yscale="log")
        plain(axes)
        axes.legend(loc="upper left", fontsize=8, frameon=False)
    left.set(xlabel="requests in a claim", ylabel="requests/s")
    left.set_title("Requests/s that fill one core of Redis", loc="left", fontsize=10)
    right.set(xlabel="containers", ylabel="ms of Redis's CPU")
    right.set_title("One heartbeat, one reading of the ring, one change", loc="left", fontsize=10)
    figure.savefig(path, dpi=DOTS_PER_INCH)
