"""How the command line finds a running service."""

import os
import pwd

import click
import pytest

from autoscaler.policy import Policy
from autoscaler.settings import AutoscalerSettings
from deploy.machine.up import write_service_file
from lb.settings import ServiceSettings
from monitor.service_env import service_env, service_file


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("REDIS_URL", "FIRST_PORT", "MAX_CONTAINERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    service_file(tmp_path).parent.mkdir()
    service_file(tmp_path).write_text("REDIS_URL=unix:///some where/state.sock\nFIRST_PORT=9000\n")
    return tmp_path


def test_the_file_of_a_running_service_is_read(folder):
    settings = ServiceSettings.from_env(service_env())
    assert (settings.redis_url, settings.first_port) == ("unix:///some where/state.sock", 9000)


def test_the_policies_of_a_running_service_are_those_that_the_command_line_takes(folder, monkeypatch):
    for name in ("SCALING_POLICY", "SHADOW_POLICY"):
        monkeypatch.setenv(name, "")  # so that what the file says is taken out of the environment again
        monkeypatch.delenv(name)
    floor = "rule=rate,floor=3@mon-fri 08:00-18:00 Europe/Berlin"
    write_service_file(folder, {"SCALING_POLICY": floor, "SHADOW_POLICY": "window=60"})
    settings = AutoscalerSettings.from_env(service_env())
    assert settings.policy == Policy().changed(floor)
    assert settings.shadow is not None
    assert settings.shadow.window == 60


def test_the_environment_counts_more_than_the_file(folder, monkeypatch):
    monkeypatch.setenv("FIRST_PORT", "9500")
    assert ServiceSettings.from_env(service_env()).first_port == 9500


def test_without_a_running_service_there_are_the_defaults(folder):
    service_file(folder).unlink()
    assert ServiceSettings.from_env(service_env()) == ServiceSettings()


@pytest.fixture
def closed_folder(folder):
    """The folder of a service that another account runs."""
    account = os.geteuid()
    service_file(folder).parent.chmod(0)
    if account == 0:  # no mode keeps root out
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    yield folder
    os.seteuid(account)
    service_file(folder).parent.chmod(0o700)


def test_the_file_of_another_account_is_a_sentence_that_says_what_to_do(closed_folder):
    with pytest.raises(click.ClickException, match=r"service\.env cannot be read.*another account.*REDIS_URL"):
        service_env()


def test_another_account_that_names_the_state_redis_needs_no_file(closed_folder, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6390/0")
    assert ServiceSettings.from_env(service_env()).redis_url == "redis://127.0.0.1:6390/0"
