"""Secrets are made once, kept private, and given way to by the environment."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.machine.tokens import kept, tokens


def test_a_secret_is_made_at_the_first_start_and_found_at_the_second(tmp_path: Path) -> None:
    first = tokens(tmp_path, {})
    assert tokens(tmp_path, {}) == first
    assert len(set(first.values())) == 2
    assert all(len(secret) >= 32 for secret in first.values())


def test_only_the_owner_may_read_a_secret(tmp_path: Path) -> None:
    kept(tmp_path / "admin_token")
    assert stat.S_IMODE((tmp_path / "admin_token").stat().st_mode) == 0o600


def test_the_environment_wins_over_what_is_kept(tmp_path: Path) -> None:
    assert tokens(tmp_path, {"ADMIN_TOKEN": "mine"})["ADMIN_TOKEN"] == "mine"
    assert not (tmp_path / "admin_token").exists()


def test_a_file_of_ones_own_wins_over_what_is_kept(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine\n")
    assert tokens(tmp_path, {"ADMIN_TOKEN_FILE": str(tmp_path / "mine")})["ADMIN_TOKEN"] == "mine"
    assert not (tmp_path / "admin_token").exists()


def test_many_makers_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: kept(tmp_path / "crash_token"), range(40)))
    assert len(made) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["crash_token"]
