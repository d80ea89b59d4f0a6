"""The real application on a real, empty Redis: in this process for most tests, under gunicorn where that matters."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import acts_container
import pytest
import redis
from acts_samples import API, user
from flask import Flask
from flask.testing import FlaskClient
from helpers import eventually

from acts_app.factory import create_app
from acts_app.parts import EXTENSION, Parts
from acts_app.settings import ActsSettings
from acts_app.store import Store

# The cheapest scrypt: what it costs is measured elsewhere.
FOR_TESTS: dict[str, Any] = {"auth": "off", "cors_origins": ("*",), "session_secret": "for tests", "scrypt_cost": 16}


@pytest.fixture(scope="session")
def made_apps(redis_server: Any) -> Iterator[dict[str, list[Flask]]]:
    """Applications by their settings. Building the routes takes longer than most tests, so they are used again."""
    made: dict[str, list[Flask]] = defaultdict(list)
    yield made
    for app in (app for apps in made.values() for app in apps):
        parts_of(app).store.close()


def parts_of(app: Flask) -> Parts:
    """An application's parts."""
    parts: Parts = app.extensions[EXTENSION]
    return parts


@pytest.fixture
def make_client(
    redis_server: Any, redis_client: redis.Redis, made_apps: dict[str, list[Flask]]
) -> Iterator[Callable[..., FlaskClient]]:
    """Make a client of an application with the given settings; the protocol is open unless they say otherwise.

    Two calls in one test give two applications: two containers.
    """
    used: dict[str, list[Flask]] = defaultdict(list)

    def make(**settings: Any) -> FlaskClient:
        chosen = ActsSettings(**({"redis_url": redis_server.url} | FOR_TESTS | settings))
        key = repr(chosen)
        if len(used[key]) == len(made_apps[key]):
            made_apps[key].append(create_app(chosen))
        app = made_apps[key][len(used[key])]
        used[key].append(app)
        return app.test_client()

    yield make
    for app in (app for apps in used.values() for app in apps):
        parts_of(app).stat.value = 1  # a new start heals a crash


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


@pytest.fixture
def start_container(redis_server: Any, redis_client: redis.Redis, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Start a real container with the given environment and wait until it is healthy."""
    started: list[acts_container.Container] = []

    def start(*, wait: bool = True, clock: float = 0.0, **environment: str) -> acts_container.Container:
        container = acts_container.start(redis_server.url, tmp_path, clock=clock, **environment)
        started.append(container)
        if wait:
            eventually(container.healthy, within=15)
        return container

    yield start
    for container in started:
        container.stop()


@pytest.fixture
def visitor(make_client: Callable[..., FlaskClient]) -> FlaskClient:
    """A browser in which ann has signed up, sending what browsers send."""
    client = make_client(auth="required")
    client.environ_base |= {"HTTP_ORIGIN": "http://localhost", "HTTP_ACCEPT": "text/html,*/*"}
    form = {"username": "ann", "password": "correct horse"}
    assert client.post("/signup", data=form).status_code == 303
    return client


@pytest.fixture
def store(redis_server: Any, redis_client: redis.Redis) -> Iterator[Store]:
    """A store with user ann and category trees."""
    store = Store.at(redis_server.url)
    store.accounts.add("ann", "record")
    store.categories.add("trees", "")
    yield store
    store.close()
