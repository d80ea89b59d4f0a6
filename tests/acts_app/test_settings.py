"""What a container reads from its environment."""

import pytest
from environs import Env, EnvError

from acts_app.settings import ActsSettings

STORE = {"ACTS_REDIS_URL": "unix:///run/acts.sock"}


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> ActsSettings:
    """Settings from these variables alone."""
    for name in ("PORT", "ACTS_AUTH", "CORS_ORIGINS", "STATE_DIR", "CRASH_TOKEN", "CONTAINER_NUMBER", "ACTS_BIND"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return ActsSettings.from_env(Env())


def test_the_defaults_ask_for_credentials_and_listen_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, **STORE)
    assert (settings.auth, settings.bind, settings.cors_origins) == ("required", "127.0.0.1:8000", ())
    assert settings.max_upload == 16 * 1024 * 1024


def test_without_authentication_every_origin_may_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, **STORE, ACTS_AUTH="off").cors_origins == ("*",)


def test_the_port_says_where_to_listen_and_which_container_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, **STORE, PORT="8004")
    assert (settings.bind, settings.container_number) == ("127.0.0.1:8004", 5)
    assert read(monkeypatch, **STORE, PORT="8004", ACTS_BIND="0.0.0.0:80").bind == "0.0.0.0:80"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("ACTS_AUTH", "maybe"),
        ("MAX_UPLOAD", "-1"),
        ("ACTS_REDIS_URL", "localhost"),
        ("LOCAL_NETWORKS", "here"),
        ("SIGNUP_LIMIT", "many"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(EnvError, match=name):
        read(monkeypatch, **(STORE | {name: value}))


def test_the_store_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTS_REDIS_URL", raising=False)
    with pytest.raises(EnvError, match="ACTS_REDIS_URL"):
        read(monkeypatch)
