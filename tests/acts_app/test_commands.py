"""`backup` and `restore` at the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from click.testing import CliRunner, Result
from helpers import free_port

from acts_app.commands import backup, restore
from acts_app.store import Store

Run = Callable[..., Result]


@pytest.fixture
def run(redis_server: Any, redis_client: redis.Redis) -> Run:
    """Run a command on the session's Redis."""
    store = Store.at(redis_server.url)
    store.accounts.add("ann", "record")
    store.close()

    def run_it(command: Any, *arguments: str, store: str = redis_server.url) -> Result:
        return CliRunner().invoke(command, [*arguments, "--store", store])

    return run_it


def test_a_backup_comes_back_into_an_empty_store(run: Run, tmp_path: Path, redis_client: redis.Redis) -> None:
    file = str(tmp_path / "acts.gz")
    made = run(backup, file)
    assert (made.exit_code, "1 user, 0 categories, 0 acts" in made.output) == (0, True)
    redis_client.flushall()
    back = run(restore, file)
    assert (back.exit_code, "Put back" in back.output) == (0, True)
    assert redis_client.zrange("store:users", 0, -1) == ["ann"]


def test_a_store_that_holds_something_is_only_replaced_when_told_to(
    run: Run, tmp_path: Path, redis_client: redis.Redis
) -> None:
    file = str(tmp_path / "acts.gz")
    run(backup, file)
    redis_client.zadd("store:users", {"eve": 9})
    refused = run(restore, file)
    assert refused.exit_code == 1
    assert "--replace" in refused.output
    assert run(restore, file, "--replace").exit_code == 0
    assert redis_client.zrange("store:users", 0, -1) == ["ann"]


def test_a_damaged_file_changes_nothing(run: Run, tmp_path: Path, redis_client: redis.Redis) -> None:
    (tmp_path / "acts.gz").write_bytes(b"?")
    refused = run(restore, str(tmp_path / "acts.gz"), "--replace")
    assert (refused.exit_code, "no backup" in refused.output) == (1, True)
    assert redis_client.exists("store:users")


@pytest.mark.parametrize("url", ["nonsense", "unix:///nowhere/acts.sock", "redis://127.0.0.1:{port}"])
def test_a_store_that_does_not_answer_is_one_sentence(run: Run, tmp_path: Path, url: str) -> None:
    refused = run(backup, str(tmp_path / "acts.gz"), store=url.format(port=free_port()))
    assert refused.exit_code == 1
    assert "ACTS_REDIS_URL" in refused.output
    assert not list(tmp_path.iterdir())
