"""Fixtures for the whole suite."""

import os
from collections.abc import Iterator

import pytest
import redis
from docker import APIClient
from docker_images import acts_settings, engine, nothing_left_behind
from helpers import ROOT
from real_redis import RedisServer, running_redis

from deploy.runtime import docker_image
from deploy.runtime.docker_settings import DockerSettings

# What takes longest comes last, so that a small mistake shows first; the browser at the very end, because Playwright
# leaves an event loop running in the main thread and asyncio.run() refuses to work beside it.
LAST = ("contract", "e2e", "promises", "swarm", "browser")
SHARED = ("docker", "browser")  # marks of tests that use what this machine has once


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the folders; within each, the order stays as it is. Mark what may have no other test beside it."""
    items.sort(key=place_of)
    for item in items:
        if place_of(item) or any(map(item.get_closest_marker, SHARED)):
            item.add_marker(pytest.mark.alone)


def place_of(item: pytest.Item) -> int:
    """Where a test's folder comes; 0 for those in front."""
    return next((1 + LAST.index(part) for part in item.path.relative_to(ROOT).parts if part in LAST), 0)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One real Redis for the session, on a unix socket in a short path and on a free TCP port."""
    with running_redis() as server:
        yield server


@pytest.fixture(scope="session")
def docker_api() -> Iterator[APIClient]:
    """A client of the engine, on which nothing of the tests may be left at the end."""
    api = engine()
    with nothing_left_behind(api):
        yield api
    api.close()


@pytest.fixture(scope="session")
def acts_image(docker_api: APIClient) -> Iterator[DockerSettings]:
    """The acts image, built once; what `up` and the tests of the runtime start."""
    settings = acts_settings(f"test-{os.getpid()}")
    docker_image.build(docker_api, settings, lambda line: None)
    yield settings
    docker_api.remove_image(settings.image, force=True)


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client of the session's Redis, emptied before each test."""
    with redis.Redis(unix_socket_path=str(redis_server.socket_path), decode_responses=True) as client:
        client.flushall()
        yield client
