"""The simulation as a command: all designs over the same arrivals, and stale counts; writes CSV and curves."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from bench.scale import charts
from bench.scale.counts import Counting, staleness
from bench.scale.output import Progress, write
from bench.scale.trials import Curve, Fleet, Row, all_trials

COUNTINGS = ((0.1, 0.1), (0.1, 1.0), (1.0, 1.0), (1.0, 5.0), (10.0, 10.0))  # precision, told every: seconds


def simulate(fleet: Fleet, seed: int, out: Path) -> None:
    """Run all of it and write OUT/scale-simulation.csv, OUT/scale-counts.csv, and the curves as CSV and PNG."""
    out.mkdir(parents=True, exist_ok=True)
    say = Progress()
    found = list(all_trials(fleet, seed, say))
    write(out / "scale-simulation.csv", [asdict(row) for row, _ in found])
    write(out / "scale-spread.csv", points(found), shown=False)
    charts.draw_spreads([(row.design, row.load, curve) for row, curve in found], fleet, out / "scale-spread.png")
    say("stale counts")
    counted = [counted_by(fleet, seed, precision, every) for precision, every in COUNTINGS]
    write(out / "scale-counts.csv", counted)
    say("done")


def points(found: list[tuple[Row, Curve]]) -> list[dict[str, object]]:
    """The curves, point by point."""
    return [
        {"design": row.design, "load": row.load, "requests": requests, "spread": spread}
        for row, curve in found
        for requests, spread in curve
    ]


def counted_by(fleet: Fleet, seed: int, precision: float, every: float) -> dict[str, object]:
    """One line of stale counts."""
    how = Counting(proxies=fleet.proxies, rate=fleet.requests / 200, precision=precision, told_every=every)
    found = asdict(staleness(how, np.random.default_rng(seed)))
    return {name: round(value, 6) for name, value in {"rate": how.rate, "window": how.window, **found}.items()}
