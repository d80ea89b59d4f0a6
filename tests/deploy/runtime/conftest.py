"""A real engine, where there is one."""

from collections.abc import Iterator

import pytest
from docker import APIClient
from docker_images import engine


@pytest.fixture(scope="session")
def docker_api() -> Iterator[APIClient]:
    """The engine."""
    api = engine()
    yield api
    api.close()
