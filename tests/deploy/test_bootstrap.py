"""The environment is made once, made again when what it should hold has changed, and errors are sentences.

Installing every package takes a minute and is what the first start of `deploy/test` has just done; here the rules
around it are tested, with a small real requirements file where pip itself matters.
"""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import bootstrap

ROOT = Path(bootstrap.ROOT)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the bootstrap needs, with an environment that needs no package from anywhere."""
    for name in ("deploy/__init__.py", "deploy/bootstrap.py", "deploy/interpreter.py", "deploy/up", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "up.txt").write_text("")
    return tmp_path


def up(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(checkout / "deploy" / "up"), "--version"],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=110,
    )


def test_a_package_that_cannot_be_had_is_a_sentence_and_not_a_traceback(checkout: Path) -> None:
    (checkout / "requirements" / "up.txt").write_text("no-such-thing==1.0 --hash=sha256:" + "0" * 64 + "\n")
    done = up(checkout, PIP_NO_INDEX="1")
    assert done.returncode == 1
    assert "up: pip could not install requirements/up.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_pinned_package_is_counted_once_for_the_progress_line() -> None:
    pinned = bootstrap.PINNED.findall(
        '# a comment\nflask==3.1 \\\n    --hash=sha256:0\nredis[hiredis]==8.0 ; x == "y"\n'
    )
    assert [name for name, _extra in pinned] == ["flask", "redis"]


def test_the_fingerprint_changes_with_the_requirements_and_with_nothing_else(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", checkout)
    before = bootstrap.fingerprint("up")
    assert bootstrap.fingerprint("up") == before
    (checkout / "requirements" / "up.txt").write_text("# changed\n")
    assert bootstrap.fingerprint("up") != before


def test_the_fingerprint_names_the_interpreter_that_the_environment_was_made_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bootstrap.fingerprint("up")
    assert bootstrap.interpreter() == os.path.realpath(bootstrap.VENV / "bin" / "python")
    monkeypatch.setenv("PYTHON", "python3")
    assert bootstrap.fingerprint("up") != before
    monkeypatch.delenv("PYTHON")
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    assert bootstrap.interpreter() == ""
    assert bootstrap.fingerprint("up") != before


def test_the_environment_is_made_with_the_python_that_is_asked_for(checkout: Path) -> None:
    program = os.path.realpath(sys.executable)
    done = up(checkout, PIP_NO_INDEX="1", PYTHON=program)
    assert "Making a virtual environment" in done.stderr
    assert os.path.realpath(checkout / ".venv" / "bin" / "python") == program


def test_an_environment_is_not_replaced_under_whoever_runs_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON", "/no/such/python")
    if Path(sys.prefix) == bootstrap.VENV:
        assert bootstrap.chosen_python() == os.path.realpath(sys.executable)
    else:
        with pytest.raises(bootstrap.SetupError):
            bootstrap.chosen_python()


def test_a_python_that_is_none_is_a_sentence(checkout: Path) -> None:
    done = up(checkout, PYTHON="/no/such/python")
    assert done.returncode == 2
    assert "up: PYTHON names /no/such/python, which is no Python that works" in done.stderr
    assert not (checkout / ".venv").exists()


@pytest.fixture
def as_somebody_else(tmp_path: Path) -> Iterator[None]:
    """Be an account that may read the folder and write nothing into it."""
    account = os.geteuid()
    tmp_path.chmod(0o555)
    if account == 0:  # no mode keeps root out
        for folder in (tmp_path, *list(tmp_path.parents)[:3]):
            folder.chmod(folder.stat().st_mode | 0o055)
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    yield
    os.seteuid(account)
    tmp_path.chmod(0o755)


def test_an_environment_that_is_ready_serves_accounts_that_may_not_write_into_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "requirements").mkdir()
    for name in ("requirements/up.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    bootstrap.stamp("up").write_text(bootstrap.fingerprint("up"))
    request.getfixturevalue("as_somebody_else")
    bootstrap.ensure("up")


def test_a_checkout_of_another_account_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_somebody_else: None
) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    with pytest.raises(SystemExit, match=r"\.venv\.lock is closed to this account .* clone of your own"):
        bootstrap.run("up", "selfieless", ["up"])


def test_an_environment_made_for_the_tests_serves_the_service_too() -> None:
    assert "dev" in bootstrap.CONTAINS["up"]
    assert "up" not in bootstrap.CONTAINS["dev"]


def test_every_requirements_file_is_pinned_with_hashes() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        packages = bootstrap.PINNED.findall(path.read_text())
        assert packages, path.name
        assert path.read_text().count("--hash=sha256:") >= len(packages), path.name


def test_the_smaller_requirements_hold_nothing_that_the_larger_does_not_pin_alike() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line and not line.startswith((" ", "#"))}

    for small in ("acts", "lb", "orchestrator"):
        assert pins(small) <= pins("up"), small
    assert pins("up") <= pins("dev")


def test_the_last_line_that_says_something_is_found() -> None:
    assert bootstrap.last_line("one\ntwo\n\n") == "two"
    assert bootstrap.last_line("\n") == "it said nothing"
