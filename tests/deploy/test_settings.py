from pathlib import Path

import environs
import pytest

from deploy.settings import ACTS_COMMAND, ROOT, DeploySettings


def test_without_variables_the_defaults_hold(monkeypatch):
    for name in ("RUNTIME", "STATE_DIR", "SERVICE_COMMAND", "DRAIN_TIMEOUT", "BOOT_TIMEOUT", "STOP_GRACE"):
        monkeypatch.delenv(name, raising=False)
    settings = DeploySettings.from_env()
    assert (settings.runtime, settings.command, settings.state_dir) == ("auto", ACTS_COMMAND, ROOT / "var")
    assert (settings.boot_timeout, settings.drain_timeout) == (30, 30)


def test_a_command_is_split_like_a_shell_line(monkeypatch):
    monkeypatch.setenv("SERVICE_COMMAND", "my-server --name 'two words'")
    assert DeploySettings.from_env().command == ("my-server", "--name", "two words")


def test_an_empty_variable_is_as_good_as_none(monkeypatch):
    monkeypatch.setenv("SERVICE_COMMAND", "")
    monkeypatch.setenv("STATE_DIR", "")
    assert DeploySettings.from_env().command == ACTS_COMMAND
    assert DeploySettings.from_env().state_dir == ROOT / "var"


def test_the_state_folder_is_absolute(monkeypatch):
    monkeypatch.setenv("STATE_DIR", "here")
    assert DeploySettings.from_env().state_dir == Path("here").absolute()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RUNTIME", "lxc"),
        ("SERVICE_COMMAND", "sh -c 'open"),
        ("BOOT_TIMEOUT", "0"),
        ("DRAIN_TIMEOUT", "-1"),
        ("STOP_GRACE", "soon"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(environs.EnvError, match=name):
        DeploySettings.from_env()
