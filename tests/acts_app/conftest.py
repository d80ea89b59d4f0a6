"""The real application on a real, empty Redis: in this process for most tests, under gunicorn where that matters."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from acts_samples import API, user
from flask.testing import FlaskClient
from helpers import eventually, free_port

from acts_app.factory import create_app
from acts_app.parts import EXTENSION, Parts
from acts_app.settings import ActsSettings

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "a secret for tests"


@pytest.fixture
def make_client(redis_server: Any, redis_client: redis.Redis) -> Iterator[Callable[..., FlaskClient]]:
    """Make a client of an application with the given settings; the protocol is open unless they say otherwise."""
    made: list[Parts] = []

    def make(**settings: Any) -> FlaskClient:
        values = (
            {"cors_origins": ("*",)}
            | {"redis_url": redis_server.url, "auth": "off", "session_secret": SECRET, "scrypt_cost": 16}
            | settings
        )
        app = create_app(ActsSettings(**values))
        made.append(app.extensions[EXTENSION])
        return app.test_client()

    yield make
    for parts in made:
        parts.store.close()


@pytest.fixture
def client(make_client: Callable[..., FlaskClient]) -> FlaskClient:
    """A client of the open protocol."""
    return make_client()


@pytest.fixture
def stocked(client: FlaskClient) -> FlaskClient:
    """The open protocol with user ann and category trees."""
    assert client.post(f"{API}/users", json=user()).status_code == 201
    assert client.post(f"{API}/categories", json=["trees"]).status_code == 201
    return client


@dataclass
class Container:
    """A real acts container: gunicorn, in a session of its own."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where its protocol is."""
        return f"http://127.0.0.1:{self.port}{API}"

    def healthy(self) -> bool:
        """Whether it answers its probe."""
        try:
            return requests.get(f"{self.url}/_health", timeout=2).ok
        except requests.ConnectionError:
            return False

    def stop(self) -> int:
        """TERM, and the exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture
def start_container(redis_server: Any, redis_client: redis.Redis, tmp_path: Path) -> Iterator[Callable[..., Container]]:
    """Start a real container with the given environment and wait until it is healthy."""
    started: list[Container] = []

    def start(*, wait: bool = True, **environment: str) -> Container:
        port = free_port()
        base = {"PORT": str(port), "ACTS_REDIS_URL": redis_server.url, "ACTS_AUTH": "off", "STATE_DIR": str(tmp_path)}
        command = [sys.executable, "-m", "gunicorn", "-c", "python:acts_app.gunicorn_conf"]
        log = tmp_path / f"{port}.log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | base | environment, start_new_session=True, stderr=stderr
            )
        container = Container(process, port, log)
        started.append(container)
        if wait:
            eventually(container.healthy, within=15)
        return container

    yield start
    for container in started:
        container.stop()
