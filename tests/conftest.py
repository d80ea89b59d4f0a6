"""Fixtures for the whole suite."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from real_redis import RedisServer, start_redis


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One real Redis for the session, on a unix socket in a short path and on a free TCP port."""
    folder = Path(tempfile.mkdtemp(prefix="slf-"))
    server = start_redis(folder)
    yield server
    server.process.terminate()
    server.process.wait(10)
    shutil.rmtree(folder)


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client of the session's Redis, emptied before each test."""
    with redis.Redis(unix_socket_path=str(redis_server.socket_path), decode_responses=True) as client:
        client.flushall()
        yield client
