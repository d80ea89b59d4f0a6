"""The secret that signs sessions."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from acts_app.session_secret import FILE, kept, session_secret
from acts_app.settings import ActsSettings


def test_a_given_secret_is_taken(tmp_path: Path) -> None:
    assert session_secret(ActsSettings("redis://", session_secret="given", state_dir=tmp_path)) == "given"
    assert not list(tmp_path.iterdir())


def test_one_is_made_at_the_first_start_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    settings = ActsSettings("redis://", state_dir=tmp_path / "new")
    first = session_secret(settings)
    assert len(first) >= 32
    assert session_secret(settings) == first
    assert (tmp_path / "new" / FILE).stat().st_mode & 0o777 == 0o600


def test_containers_that_start_together_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: kept(tmp_path / FILE), range(32)))
    assert len(secrets) == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
