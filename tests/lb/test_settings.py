"""The proxy's variables: defaults, and errors that name the variable."""

import os
from collections.abc import Iterator

import environs
import pytest

from lb.settings import LbSettings, ServiceSettings, sentence


@pytest.fixture
def variables() -> Iterator[dict[str, str]]:
    """The process's environment, put back afterwards."""
    before = dict(os.environ)
    yield os.environ  # type: ignore[misc]
    os.environ.clear()
    os.environ.update(before)


def test_defaults_are_those_of_the_design() -> None:
    settings = LbSettings.from_env()
    assert (settings.port, settings.header_timeout, settings.body_timeout) == (80, 10.0, 30.0)
    assert (settings.connect_timeout, settings.upstream_timeout, settings.max_body) == (1.0, 30.0, 0)
    assert settings.workers >= 1
    assert settings.service == ServiceSettings()


def test_variables_are_read(variables: dict[str, str]) -> None:
    variables.update(LB_PORT="8080", SERVICE_NAME="shop", FIRST_PORT="9000", REDIS_URL="unix:///run/r.sock")
    settings = LbSettings.from_env()
    assert settings.port == 8080
    assert (settings.service.name, settings.service.first_port) == ("shop", 9000)
    assert settings.service.redis_url == "unix:///run/r.sock"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LB_PORT", "0"),
        ("LB_PORT", "eighty"),
        ("LB_WORKERS", "0"),
        ("REDIS_URL", "http://127.0.0.1:6379"),
        ("REDIS_URL", "unix://"),
        ("CONNECT_TIMEOUT", "0"),
        ("MAX_BODY", "-1"),
        ("MAX_IN_FLIGHT", "0"),
        ("RETRY_BUDGET", "2"),
        ("SERVICE_NAME", "two words"),
        ("FIRST_PORT", "70000"),
    ],
)
def test_a_wrong_variable_is_named(variables: dict[str, str], name: str, value: str) -> None:
    variables[name] = value
    with pytest.raises(environs.EnvError, match=name):
        LbSettings.from_env()


def test_container_numbers_start_at_one() -> None:
    assert ServiceSettings(first_port=8000).number_of(8000) == 1
    assert ServiceSettings(first_port=8000).number_of(8009) == 10


def test_a_wrong_variable_is_told_by_name_value_and_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LB_PORT", "eighty")
    with pytest.raises(environs.EnvError) as told:
        LbSettings.from_env()
    assert sentence(told.value) == "LB_PORT=eighty: Not a valid integer."


def test_an_error_in_words_of_its_own_stays_as_it_is() -> None:
    assert sentence(environs.EnvError("RUNTIME=docker: no engine.")) == "RUNTIME=docker: no engine."
