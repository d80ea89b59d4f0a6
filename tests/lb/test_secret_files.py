"""Secrets in files: which of variable and file counts, and URLs that get their password."""

from pathlib import Path

import environs
import pytest

from lb.secret_files import secret, with_password
from lb.settings import LbSettings


def test_a_secret_may_lie_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("swordfish\n")
    monkeypatch.setenv("CRASH_TOKEN_FILE", str(tmp_path / "token"))
    assert LbSettings.from_env().crash_token == "swordfish"


def test_the_variable_counts_more_than_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRASH_TOKEN", "mine")
    monkeypatch.setenv("CRASH_TOKEN_FILE", str(tmp_path / "none"))
    assert secret(environs.Env(), "CRASH_TOKEN") == "mine"


def test_a_file_that_cannot_be_read_is_a_sentence_with_the_variables_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRASH_TOKEN_FILE", str(tmp_path / "none"))
    with pytest.raises(environs.EnvError, match=r"CRASH_TOKEN_FILE=.*none: cannot be read \(No such file"):
        LbSettings.from_env()


def test_the_password_of_a_redis_lies_in_a_file_and_its_url_shows_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("a/b@c")
    monkeypatch.setenv("REDIS_URL", "redis://redis-state:6379/0")
    monkeypatch.setenv("REDIS_PASSWORD_FILE", str(tmp_path / "password"))
    assert LbSettings.from_env().service.redis_url == "redis://:a%2Fb%40c@redis-state:6379/0"


@pytest.mark.parametrize(
    ("url", "complete"),
    [
        ("redis://host:6379/1", "redis://:pw@host:6379/1"),
        ("rediss://lb@host", "rediss://lb:pw@host"),
        ("redis://:theirs@host", "redis://:theirs@host"),
        ("unix:///run/state.sock?db=1", "unix://:pw@/run/state.sock?db=1"),
        ("redis+sentinel://one:26379,two:26379/state/0", "redis+sentinel://:pw@one:26379,two:26379/state/0"),
        ("", ""),
    ],
)
def test_a_url_gets_the_password_that_it_lacks(url: str, complete: str) -> None:
    assert with_password(url, "pw") == complete
    assert with_password(url, "") == url
