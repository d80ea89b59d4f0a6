"""What `up` reads from its environment, and what it hands on."""

import os
from pathlib import Path

import pytest
from environs import Env, EnvError

from deploy.machine.settings import RunFolder, UpSettings, for_children


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> UpSettings:
    for name in ("LB_PORT", "REDIS_URL", "ACTS_REDIS_URL", "STATE_DIR", "KEEP"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return UpSettings.from_env(Env())


def test_without_variables_everything_is_ours_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch)
    assert (read.lb_port, read.redis_url, read.acts_redis_url, read.keep) == (None, None, None, False)
    assert read.service.ports == range(8000, 8010)
    assert read.state_dir.name == "var"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LB_PORT", "http"),
        ("LB_PORT", "70000"),
        ("START_TIMEOUT", "-1"),
        ("KEEP", "perhaps"),
        ("DISK_RESERVE", "-1"),
        ("ADMIN_ADDRESS", "192.0.2.1"),
        ("ADMIN_ADDRESS", "no.such.name.invalid"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(EnvError, match=name):
        settings(monkeypatch, **{name: value})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's workers change accounts")
def test_an_account_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EnvError, match=r"LB_USER.*there is no such account"):
        settings(monkeypatch, LB_USER="no-such-account")
    assert settings(monkeypatch, LB_USER="").lb_user == ""


def test_sockets_lie_in_the_state_folder(tmp_path: Path) -> None:
    assert RunFolder.below(tmp_path).path == tmp_path / "run"


def test_a_state_folder_too_long_for_a_socket_gets_a_short_one() -> None:
    run = RunFolder.below(Path("/tmp") / ("x" * 100))
    assert len(str(run.supervisor_socket)) <= 107
    assert run.path.is_dir()
    run.path.rmdir()


def test_given_urls_are_handed_on_and_missing_ones_become_our_sockets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read = settings(monkeypatch, STATE_DIR=str(tmp_path), REDIS_URL="redis://127.0.0.1:7000/0")
    given = for_children(read, RunFolder(tmp_path), lb_port=8080, admin_port=8081, tokens={"ADMIN_TOKEN": "t"})
    assert given["REDIS_URL"] == "redis://127.0.0.1:7000/0"
    assert given["ACTS_REDIS_URL"] == f"unix://{tmp_path}/acts/acts.sock"
    assert (given["LB_PORT"], given["ADMIN_PORT"], given["ADMIN_TOKEN"]) == ("8080", "8081", "t")
