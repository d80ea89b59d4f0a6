"""Settings from the environment."""

import environs
import pytest

from monitor.settings import MonitorSettings


@pytest.mark.parametrize(("poll", "timeout"), [("1", 0.8), ("5", 0.8), ("0.5", 0.4)])
def test_a_round_of_probes_is_over_before_the_next_poll(monkeypatch, poll, timeout):
    monkeypatch.setenv("POLL_SECONDS", poll)
    settings = MonitorSettings.from_env()
    assert settings.probe_timeout == timeout
    assert settings.probe_timeout < settings.poll


def test_without_any_variable_it_polls_every_second(monkeypatch):
    monkeypatch.delenv("POLL_SECONDS", raising=False)
    assert MonitorSettings.from_env().poll == 1.0


@pytest.mark.parametrize("value", ["0", "-1", "often"])
def test_a_wrong_rhythm_is_refused_by_the_name_of_its_variable(monkeypatch, value):
    monkeypatch.setenv("POLL_SECONDS", value)
    with pytest.raises(environs.EnvError, match="POLL_SECONDS"):
        MonitorSettings.from_env()
