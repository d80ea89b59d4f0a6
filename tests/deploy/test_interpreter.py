"""Which Python is taken: the clearly fastest that suits, found by letting each one work."""

import os
import sys
from pathlib import Path

import pytest

from deploy import interpreter
from deploy.interpreter import Interpreter, asked_for, choose, fastest, found, look_around, probed

RUNNING = Interpreter("/running", (3, 11), True, 1.0)


def other(seconds: float, version: tuple[int, int] = (3, 11), able: bool = True) -> Interpreter:
    return Interpreter(f"/other{seconds}", version, able, seconds)


@pytest.mark.parametrize(
    ("others", "taken"),
    [
        ([], "/running"),
        ([other(0.6)], "/other0.6"),
        ([other(0.7), other(0.6), other(0.8)], "/other0.6"),
        ([other(0.95)], "/running"),
        ([other(1.5)], "/running"),
        ([other(0.5, able=False)], "/running"),
        ([other(0.5, version=(3, 10)), other(0.6)], "/other0.6"),
        ([other(0.5, version=(3, 99))], "/running"),
    ],
)
def test_the_fastest_that_suits_is_taken_if_it_is_clearly_faster(others: list[Interpreter], taken: str) -> None:
    assert fastest(RUNNING, others).program == taken


def test_the_running_interpreter_is_taken_even_where_it_would_not_suit() -> None:
    odd = Interpreter("/odd", (3, 99), False, 1.0)
    assert fastest(odd, [other(2.0)]) is odd


def test_an_interpreter_works_and_says_what_it_is() -> None:
    mine = probed(sys.executable)
    assert mine is not None
    assert mine.program == os.path.realpath(sys.executable)
    assert mine.version == sys.version_info[:2]
    assert 0 < mine.seconds < interpreter.PROBE_SECONDS


@pytest.mark.parametrize("script", ["exit 1", "echo no JSON", "echo '[1]'"])
def test_what_is_no_python_is_left_out(tmp_path: Path, script: str) -> None:
    fake = tmp_path / "python3.12"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    assert probed(str(fake)) is None
    mine, others = look_around(sys.executable, str(tmp_path))
    assert mine is not None
    assert str(fake) not in {each.program for each in others}


def test_interpreters_are_found_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "python3.12").symlink_to(sys.executable)
    (tmp_path / "python3.10").symlink_to(sys.executable)
    assert str(tmp_path / "python3.12") in found(str(tmp_path))
    assert str(tmp_path / "python3.10") not in found(str(tmp_path))


def test_a_link_to_the_running_interpreter_is_no_other_one(tmp_path: Path) -> None:
    (tmp_path / "python3.12").symlink_to(os.path.realpath(sys.executable))
    mine, others = look_around(sys.executable, str(tmp_path))
    assert mine is not None
    assert mine.program not in {each.program for each in others}


def test_what_is_asked_for_is_taken_without_a_comparison() -> None:
    assert choose(sys.executable) == (os.path.realpath(sys.executable), "")


def test_the_choice_is_told_only_where_it_is_another_one() -> None:
    program, line = choose("")
    assert os.access(program, os.X_OK)
    assert (program in line) == (program != os.path.realpath(sys.executable))


def test_a_name_that_is_no_python_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="PYTHON names /bin/false, which is no Python that works"):
        asked_for("/bin/false")
