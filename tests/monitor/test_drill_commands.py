"""What the drill's command says before it does anything; drills of a real service are in tests/promises."""

import signal

import pytest
from click.testing import CliRunner

from monitor.cli import cli
from monitor.drill import Report
from monitor.drill_commands import as_text, told_by_term

PASSED = Report("hang", 8001, 90, 0, 0, 0.21, 2.3, 3.1, True, "none of 90 requests was lost")


def test_the_report_tells_what_was_lost_and_how_long_it_took() -> None:
    assert as_text(PASSED).splitlines() == [
        "hang of 8001: passed, none of 90 requests was lost.",
        "  requests sent    90",
        "  lost             0",
        "  longest gap      0.21 s",
        "  out of the ring  after 2.30 s",
        "  recovered        after 3.10 s",
    ]


def test_a_failed_one_says_why_and_what_was_put_off() -> None:
    failed = Report("store", None, 90, 4, 3, 2.0, None, None, False, "4 of 90 requests were lost")
    assert as_text(failed).splitlines()[0] == "store: FAILED, 4 of 90 requests were lost."
    assert "told to retry    3 (503 with Retry-After)" in as_text(failed)


def test_an_unknown_fault_is_a_wrong_command() -> None:
    assert CliRunner().invoke(cli, ["drill", "meteor"]).exit_code == 2


def test_term_ends_a_drill_as_ctrl_c_does() -> None:
    with pytest.raises(KeyboardInterrupt), told_by_term():
        signal.raise_signal(signal.SIGTERM)
