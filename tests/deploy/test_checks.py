"""The test command runs every check and fails when one of them does."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import checks

SUITE = """
from pathlib import Path
import pytest

def test_engine():
    print("the engine runs")

def test_steady():
    with Path("steady").open("a") as runs:
        runs.write("run ")

@pytest.mark.parametrize("number", range({number}))
def test_other(number):
    seen = Path(f"seen-{{number}}")
    came_before = seen.exists()
    seen.touch()
    assert came_before and {passes_then}
"""


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, bool], Path]:
    """A project with a test that passes, and some that fail at first and pass then, or do not; its folder."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    monkeypatch.setattr(checks, "CHECKS", {})
    monkeypatch.setattr(
        checks, "TESTS", {"trials": ["pytest", "-k", "not engine"], "engines": ["pytest", "-k", "engine"]}
    )
    monkeypatch.setattr(checks, "LANE", ("trials",))

    def make(number: int, passes_then: bool) -> Path:
        (tmp_path / "test_it.py").write_text(SUITE.format(number=number, passes_then=passes_then))
        return tmp_path

    return make


def test_all_checks_run_also_after_one_has_failed(suite, capfd, monkeypatch) -> None:
    suite(0, True)
    monkeypatch.setattr(checks, "CHECKS", {"first": ["platform", "--no"], "second": ["this_is_no_module"]})
    monkeypatch.setitem(checks.CHECKS, "third", ["platform"])
    assert checks.main([]) == 1
    said = capfd.readouterr().out
    assert "second: FAILED" in said
    for passed in ("third", "trials", "engines"):
        assert f"{passed}: passed" in said
    assert said.rstrip().endswith("Failed: second.")


def test_naming_tests_runs_only_those(suite, capfd, monkeypatch) -> None:
    folder = suite(1, True)
    monkeypatch.setattr(checks, "CHECKS", {"lint": ["this_is_no_module"]})
    assert checks.main(["-k", "steady"]) == 0
    assert (folder / "steady").exists()
    assert "lint" not in capfd.readouterr().out


def test_the_few_that_fail_are_tried_again_by_themselves_and_named(suite, capfd) -> None:
    folder = suite(2, True)
    assert checks.main([]) == 0
    assert (folder / "steady").read_text() == "run "
    names = "\n  test_it.py::test_other[0]\n  test_it.py::test_other[1]\n"
    assert f"Failed at the first try, and passed at the second try:{names}" in capfd.readouterr().out


def test_what_fails_twice_has_failed(suite, capfd) -> None:
    suite(1, False)
    assert checks.main([]) == 1
    said = capfd.readouterr().out
    assert "Failed at the first try, and were tried twice:" in said
    assert said.rstrip().endswith("Failed: trials.")


@pytest.mark.parametrize(("number", "arguments"), [(checks.AT_MOST + 1, []), (1, ["-q"])])
def test_many_failures_and_tests_that_somebody_named_are_tried_once(
    suite, number: int, arguments: list[str], capfd
) -> None:
    suite(number, True)
    assert checks.main(arguments) == 1
    assert "second try" not in capfd.readouterr().out


def test_no_test_is_tried_again_when_the_tests_could_not_run(suite, capfd) -> None:
    suite(1, True).joinpath("conftest.py").write_text("this is no Python")
    assert checks.main([]) == 1
    assert "second try" not in capfd.readouterr().out
