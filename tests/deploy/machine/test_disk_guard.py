"""The guard, with a real acts store on a real disk that is really full."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from helpers import eventually
from real_redis import start_redis
from small_disk import fill, small_disk

from deploy import disk_full
from deploy.machine.disk_guard import DiskGuard
from lb import events
from lb.redis_client import connect

RESERVE = 4_000_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 32) as folder:
        yield folder


@pytest.fixture
def guard(disk: Path, redis_client: redis.Redis) -> Iterator[DiskGuard]:
    server = start_redis(disk, "--save", "", "--appendonly", "yes", "--appendfsync", "always")
    try:
        yield DiskGuard(connect(server.url), redis_client, "acts", disk, RESERVE)
    finally:
        server.process.kill()
        server.process.wait(10)


def test_while_there_is_room_everything_is_taken_and_nothing_said(guard: DiskGuard, redis_client: redis.Redis) -> None:
    guard.tick(100.0)
    assert guard.store.set("photo", "x" * 1000)
    assert events.last(redis_client, "acts") == []


def test_on_a_full_disk_the_store_refuses_what_is_new_and_is_read_and_cleaned_up(
    guard: DiskGuard, disk: Path, redis_client: redis.Redis
) -> None:
    guard.store.set("photo", "x" * 1000)
    guard.tick(100.0)
    fill(disk)
    for _ in range(20):  # what comes between two looks has its place already
        guard.store.set("another", "y" * 100_000)
    guard.tick(101.0)
    with pytest.raises(redis.ResponseError, match="command not allowed"):
        guard.store.set("third", "z")
    with pytest.raises(redis.ResponseError, match="command not allowed"):
        guard.store.eval("return redis.call('SET', 'third', 'z')", 0)
    assert len(guard.store.get("photo") or "") == 1000
    assert guard.store.delete("another") == 1
    assert guard.store.ping()
    full = disk_full.read(redis_client, "acts")
    assert full
    assert f"the disk of {disk} is full" in full.reason


def test_with_room_again_it_takes_what_is_new_and_says_so(
    guard: DiskGuard, disk: Path, redis_client: redis.Redis
) -> None:
    ballast = fill(disk)
    guard.tick(100.0)
    assert guard.refuses
    ballast.unlink()
    guard.tick(142.0)
    assert guard.store.set("photo", "x")
    assert disk_full.read(redis_client, "acts") is None
    told = [(event.kind, event.seconds) for event in events.last(redis_client, "acts")]
    assert told == [("degraded", None), ("recovered", 42.0)]


def test_a_little_room_is_not_enough_to_begin_again(guard: DiskGuard, disk: Path) -> None:
    ballast = fill(disk)
    guard.tick(100.0)
    with ballast.open("r+b") as file:
        file.truncate(ballast.stat().st_size - RESERVE - 1_000_000)
    guard.tick(101.0)
    assert guard.refuses


def test_the_append_only_file_is_not_rewritten_where_there_is_no_room_for_a_second_one(
    guard: DiskGuard, disk: Path
) -> None:
    percent = lambda: guard.store.config_get("auto-aof-rewrite-percentage")  # noqa: E731
    guard.tick(100.0)
    assert percent() == {"auto-aof-rewrite-percentage": "100"}
    guard.store.set("photo", "x" * 16_000_000)
    guard.tick(101.0)
    assert not guard.refuses
    assert percent() == {"auto-aof-rewrite-percentage": "0"}


def test_a_store_and_a_state_that_are_away_are_told_by_a_later_look(tmp_path: Path) -> None:
    nobody = connect(f"unix://{tmp_path}/none.sock")
    guard = DiskGuard(nobody, nobody, "acts", tmp_path, RESERVE)
    guard.tick(100.0)
    assert not guard.refuses


def test_a_folder_that_cannot_be_looked_at_leaves_all_as_it_is_and_is_told_once(
    guard: DiskGuard, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    guard.folder = tmp_path / "missing"
    for now in (100.0, 101.0):
        guard.tick(now)
    assert guard.store.set("photo", "x")
    (record,) = caplog.records
    assert "cannot be watched" in record.getMessage()


def test_what_the_store_has_taken_is_there_after_it_was_killed_on_a_full_disk(
    guard: DiskGuard, disk: Path, redis_client: redis.Redis
) -> None:
    guard.tick(100.0)
    fill(disk)
    # Nobody looks meanwhile: the reserve is used up, and Redis ends.
    taken = sum(1 for _ in itertools.takewhile(lambda number: keeps(guard.store, number), itertools.count()))
    assert taken > 20
    eventually(lambda: not answers(guard.store))
    server = start_redis(disk, "--save", "", "--appendonly", "yes", "--appendfsync", "always")
    try:
        client = connect(server.url)
        assert [number for number in range(taken) if client.strlen(f"photo:{number}") != 100_000] == []
        assert client.dbsize() == taken
    finally:
        server.process.kill()
        server.process.wait(10)


def keeps(client: redis.Redis, number: int) -> bool:
    """Whether the store has said that it has taken a photo."""
    try:
        return bool(client.set(f"photo:{number}", "x" * 100_000))
    except redis.RedisError:
        return False


def answers(client: redis.Redis) -> bool:
    """Whether it does."""
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
