"""The disk guard as a process of its own, beside a real store on a disk that is really full."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from environs import EnvError
from helpers import eventually
from real_redis import RedisServer, start_redis
from small_disk import fill, small_disk

from deploy import disk_full
from deploy.machine.disk import DiskSettings
from deploy.machine.disk_guard import RESERVE

COMMAND = [sys.executable, "-m", "deploy.machine.disk"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RedisServer]:
    """A store that appends on a small disk, in STATE_DIR/acts."""
    with small_disk(tmp_path / "s", 16) as disk:
        (disk / "acts").mkdir()
        server = start_redis(disk / "acts", "--save", "", "--appendonly", "yes", "--appendfsync", "always")
        try:
            yield server
        finally:
            server.process.kill()
            server.process.wait(10)


def takes(client: redis.Redis) -> bool:
    """Whether the store takes something new."""
    try:
        return bool(client.append("photo", "x" * 100_000))
    except redis.ResponseError:
        return False


def test_the_store_refuses_while_the_disk_is_full_and_the_guard_ends_when_told(
    store: RedisServer, redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    folder = store.socket_path.parent.parent
    told = {"STATE_DIR": str(folder), "DISK_RESERVE": "2000000"}
    told |= {"ACTS_REDIS_URL": store.url, "REDIS_URL": redis_server.url}
    guard = subprocess.Popen(COMMAND, env=os.environ | told)
    try:
        with redis.Redis.from_url(store.url) as client:
            eventually(lambda: guard.poll() is None and reserved(folder), within=20)
            ballast = fill(folder)
            eventually(lambda: not takes(client), within=10, every=0.1)
            full = disk_full.read(redis_client, "acts")
            assert full
            assert f"the disk of {folder}/acts is full" in full.reason
            ballast.unlink()
            eventually(lambda: takes(client), within=10, every=0.1)
        eventually(lambda: disk_full.read(redis_client, "acts") is None)
        guard.send_signal(signal.SIGTERM)
        assert guard.wait(10) == 0
    finally:
        guard.kill()
        guard.wait(10)


def reserved(folder: Path) -> bool:
    """Whether room has been taken behind the end of the store's file."""
    files = [path.stat() for path in (folder / "acts").rglob("appendonly*.aof")]
    return any(one.st_blocks * 512 - one.st_size > 1_000_000 for one in files)


def test_without_variables_it_guards_the_usual_reserve_and_needs_to_know_the_store(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    monkeypatch.delenv("ACTS_REDIS_URL", raising=False)
    with pytest.raises(EnvError, match="ACTS_REDIS_URL"):
        DiskSettings.from_env()
    monkeypatch.setenv("ACTS_REDIS_URL", "unix:///run/acts.sock")
    settings = DiskSettings.from_env()
    assert (settings.folder, settings.reserve) == (tmp_path / "acts", RESERVE)


def test_a_wrong_reserve_ends_it_with_a_sentence() -> None:
    told = {"ACTS_REDIS_URL": "unix:///run/acts.sock", "DISK_RESERVE": "much"}
    done = subprocess.run(COMMAND, env=os.environ | told, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert "DISK_RESERVE" in done.stderr
