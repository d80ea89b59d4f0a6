"""What a chart shows, and that it is drawn."""

from pathlib import Path

import pytest

from autoscaler.simulate import Point
from monitor.curves import POINTS, Curve, NotDrawn, draw


def curve_of(points: list[Point], seconds: int | None = None) -> Curve:
    curve = Curve.over(seconds or len(points))
    for point in points:
        curve.add(point)
    return curve


def test_a_short_time_is_kept_second_by_second() -> None:
    curve = curve_of([Point(100, 3, 3, 1, 1, 1), Point(101, 20, 23, 2, 2, 1)])
    assert (curve.start, curve.stretch, curve.requests) == (100, 1, [3.0, 20.0])
    assert (curve.wanted, curve.target, curve.running) == ([1, 2], [1, 2], [1, 1])


def test_a_long_time_keeps_the_mean_of_the_load_and_the_extremes_of_the_containers() -> None:
    points = [Point(n, n % 2, 0, 1 + n % 2, 2 + n % 2, 2 - n % 2) for n in range(2 * POINTS)]
    curve = curve_of(points)
    assert (curve.stretch, len(curve.requests)) == (2, POINTS)
    assert (curve.requests[0], curve.wanted[0], curve.target[0], curve.running[0]) == (0.5, 2, 3, 1)


def test_a_chart_is_a_picture(tmp_path: Path) -> None:
    curve = curve_of([Point(n, 2, 2 * n, 1, 1, 1) for n in range(100)])
    draw("calm", {"as it is": curve, "another": curve}, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    curve = curve_of([Point(1, 1, 1, 1, 1, 1)])
    with pytest.raises(NotDrawn, match="No such file or directory"):
        draw("calm", {"as it is": curve}, tmp_path / "missing" / "chart.png")
    with pytest.raises(NotDrawn, match="not supported"):
        draw("calm", {"as it is": curve}, tmp_path / "chart.words")
