"""How the command line finds a running service."""

import pytest

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


def test_the_environment_counts_more_than_the_file(folder, monkeypatch):
    monkeypatch.setenv("FIRST_PORT", "9500")
    assert ServiceSettings.from_env(service_env()).first_port == 9500


def test_without_a_running_service_there_are_the_defaults(folder):
    service_file(folder).unlink()
    assert ServiceSettings.from_env(service_env()) == ServiceSettings()
