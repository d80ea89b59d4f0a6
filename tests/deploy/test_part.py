"""Parts as whoever supervises them starts them: a process, its environment and its exit status."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT

from deploy.part import PARTS, told

SHOW = (sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))")


def run(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m deploy.part WORDS` with its secrets in the folder."""
    environment = {"PATH": os.environ["PATH"], "STATE_DIR": str(folder), **variables}
    command = [sys.executable, "-m", "deploy.part", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    assert run(tmp_path, "secrets").returncode == 0
    return tmp_path


def test_secrets_are_made_once_and_kept(secrets: Path) -> None:
    made = {path.name: path.read_text() for path in secrets.iterdir()}
    assert sorted(made) == ["admin_token", "crash_token", "session_secret"]
    assert len(set(made.values())) == 3
    assert run(secrets, "secrets").returncode == 0
    assert {path.name: path.read_text() for path in secrets.iterdir()} == made


def test_secrets_are_read_by_their_owner_and_one_group_and_written_by_nobody(secrets: Path) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o440}


def test_a_part_is_told_its_own_secrets_and_no_others(secrets: Path) -> None:
    known = {part: sorted(told([part], secrets, {})) for part in PARTS}
    assert known["lb"] == ["CRASH_TOKEN"]
    assert known["deploy"] == ["CRASH_TOKEN", "SESSION_SECRET"]
    assert known["dashboard"] == ["ADMIN_TOKEN"]
    assert known["monitor"] == known["autoscaler"] == []


def test_a_secret_that_the_environment_gives_counts_more_than_the_file(secrets: Path) -> None:
    assert told(["lb"], secrets, {"CRASH_TOKEN": "mine"}) == {}
    assert told(["lb"], secrets, {"CRASH_TOKEN_FILE": "/run/secrets/crash_token"}) == {}


def test_a_part_reports_a_wrong_variable_itself(secrets: Path) -> None:
    done = run(secrets, "autoscaler", WINDOW_SECONDS="soon")
    assert done.returncode == 2
    assert done.stderr.startswith("autoscaler: WINDOW_SECONDS=soon")


def test_any_other_command_runs_as_it_stands_and_learns_no_secret(secrets: Path) -> None:
    done = run(secrets, *SHOW)
    assert done.returncode == 0
    assert not {"CRASH_TOKEN", "ADMIN_TOKEN", "SESSION_SECRET"} & json.loads(done.stdout).keys()


@pytest.mark.parametrize(("words", "named"), [((), "which one?"), (("balancer",), "balancer")])
def test_what_cannot_be_run_is_one_sentence_that_names_the_parts(
    tmp_path: Path, words: tuple[str, ...], named: str
) -> None:
    done = run(tmp_path, *words)
    assert done.returncode == 2
    assert done.stderr == f"part: {named}: no such command; the parts are {', '.join([*PARTS, 'secrets'])}.\n"


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = run(tmp_path / "nowhere", "secrets")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"secrets: {tmp_path / 'nowhere'}" in done.stderr
    assert "No such file or directory. STATE_DIR must be a folder" in done.stderr
