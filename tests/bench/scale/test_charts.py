"""The curves."""

from pathlib import Path

from bench.scale import charts
from bench.scale.trials import Fleet


def test_spreads_are_drawn_for_each_load(tmp_path: Path) -> None:
    curves = [(name, load, [(10, 1), (100, 3)]) for name in ("random", "unknown") for load in ("even", "skewed")]
    charts.draw_spreads(curves, Fleet(), tmp_path / "spread.png")
    assert (tmp_path / "spread.png").stat().st_size > 10_000


def test_costs_are_drawn_also_when_one_could_not_be_measured(tmp_path: Path) -> None:
    charts.draw_costs({"turn": [(1, 1e5), (10, 1e6)]}, {"heartbeat": [(10, 0.1)], "ring read": []}, tmp_path / "c.png")
    assert (tmp_path / "c.png").stat().st_size > 10_000
