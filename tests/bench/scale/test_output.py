"""Figures as CSV."""

from pathlib import Path

from bench.scale.output import Progress, write


def test_what_is_none_stays_empty(tmp_path: Path, capsys) -> None:
    write(tmp_path / "some.csv", [{"name": "a, b", "value": None}])
    assert (tmp_path / "some.csv").read_text() == capsys.readouterr().out == 'name,value\n"a, b",\n'


def test_progress_is_told_beside_the_figures(capsys) -> None:
    Progress()("something long")
    assert capsys.readouterr().err.endswith("s  something long\n")
