"""Secrets in files, as a container of an engine gets them."""

from pathlib import Path

import pytest
from environs import Env, EnvError

from acts_app.secret_files import with_password
from acts_app.settings import ActsSettings


def test_a_container_finds_its_secrets_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTS_REDIS_URL", "redis://redis-acts:6379/0")
    for name in ("CRASH_TOKEN", "SESSION_SECRET", "ACTS_REDIS_PASSWORD"):
        (tmp_path / name).write_text(f"the {name}\n")
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    settings = ActsSettings.from_env(Env())
    assert (settings.crash_token, settings.session_secret) == ("the CRASH_TOKEN", "the SESSION_SECRET")
    assert settings.redis_url == "redis://:the%20ACTS_REDIS_PASSWORD@redis-acts:6379/0"


def test_a_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTS_REDIS_URL", "redis://redis-acts:6379/0")
    monkeypatch.setenv("SESSION_SECRET_FILE", str(tmp_path / "none"))
    with pytest.raises(EnvError, match=r"SESSION_SECRET_FILE=.*none: cannot be read \(No such file"):
        ActsSettings.from_env(Env())


@pytest.mark.parametrize(
    ("url", "complete"),
    [
        ("redis://host:6379/1", "redis://:pw@host:6379/1"),
        ("redis://acts@host", "redis://acts:pw@host"),
        ("redis://:theirs@host", "redis://:theirs@host"),
        ("unix:///run/acts.sock", "unix://:pw@/run/acts.sock"),
    ],
)
def test_a_url_gets_the_password_that_it_lacks(url: str, complete: str) -> None:
    assert with_password(url, "pw") == complete
