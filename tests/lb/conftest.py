"""Fixtures for the proxy: a Redis that nobody flushes, scripted containers, and the real worker under
gunicorn.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from helpers import eventually
from real_redis import RedisServer, running_redis
from rig import Backend, RunningProxy, Script, answer_with_port


@pytest.fixture(scope="session")
def lb_redis() -> Iterator[RedisServer]:
    """A Redis for proxies that live longer than a test; services keep out of each other's way by their
    names.
    """
    with running_redis() as server:
        yield server


@pytest.fixture
def make_backend() -> Iterator[Callable[..., Backend]]:
    """Makes scripted containers that are closed after the test."""
    made: list[Backend] = []

    def make(script: Script = answer_with_port, kind: type[Backend] = Backend) -> Backend:
        made.append(kind(script))
        return made[-1]

    yield make
    for backend in made:
        backend.close()


@pytest.fixture
def make_proxy(lb_redis: RedisServer) -> Iterator[Callable[..., RunningProxy]]:
    """Makes proxies of the real worker class under the real gunicorn, stopped after the test."""
    made: list[RunningProxy] = []

    def make(
        *backends: Backend,
        redis_url: str = "",
        options: tuple[str, ...] = (),
        files: int = 0,
        clock: float = 0.0,
        **env: Any,
    ) -> RunningProxy:
        made.append(RunningProxy(redis_url or lb_redis.url, backends, options, env, files, clock))
        return made[-1]

    yield make
    for proxy in made:
        proxy.stop()


@pytest.fixture(scope="session")
def long_lived_proxy(lb_redis: RedisServer) -> Iterator[RunningProxy]:
    """One proxy with one worker for all tests that only need another ring."""
    proxy = RunningProxy(lb_redis.url, (), (), {})
    yield proxy
    proxy.stop()


@pytest.fixture
def proxy_for(long_lived_proxy: RunningProxy) -> Callable[..., RunningProxy]:
    """Gives the long-lived proxy a ring of these containers."""

    def put(*backends: Backend) -> RunningProxy:
        version = long_lived_proxy.set_ring(*backends)
        eventually(lambda: long_lived_proxy.acted_on(version))
        return long_lived_proxy

    return put


@pytest.fixture(scope="module")
def echo_backend() -> Iterator[Backend]:
    """One container for a whole module; tests give it scripts by path."""
    backend = Backend(answer_with_port)
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def shared_proxy(lb_redis: RedisServer, echo_backend: Backend) -> Iterator[RunningProxy]:
    """One proxy with one worker and one container for a whole module; its script is put back before each
    test.
    """
    proxy = RunningProxy(lb_redis.url, (echo_backend,), (), {"HEADER_TIMEOUT": 1, "BODY_TIMEOUT": 1})
    yield proxy
    proxy.stop()


@pytest.fixture
def backend(echo_backend: Backend) -> Backend:
    """The module's container, with its usual script and nothing remembered."""
    echo_backend.script = answer_with_port
    echo_backend.requests.clear()
    return echo_backend


@pytest.fixture
def proxy(shared_proxy: RunningProxy, backend: Backend) -> RunningProxy:
    """The module's proxy, with the module's container in its ring."""
    return shared_proxy
