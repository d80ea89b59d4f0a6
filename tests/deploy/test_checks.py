"""The test command runs every check and fails when one of them does."""

import pytest

from deploy import checks


def test_all_checks_run_also_after_one_has_failed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "CHECKS", {"first": ["platform", "--no"], "second": ["this_is_no_module"]})
    monkeypatch.setitem(checks.CHECKS, "third", ["platform"])
    assert checks.main([]) == 1
    said = capsys.readouterr().out
    assert "second: FAILED" in said
    assert "third: passed" in said
    assert said.rstrip().endswith("Failed: second.")


def test_naming_tests_runs_only_those(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CHECKS", {"lint": ["this_is_no_module"], "tests": ["platform"]})
    assert checks.main(["--aliased"]) == 0
    assert "lint" not in capsys.readouterr().out
