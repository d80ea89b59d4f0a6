"""A dashboard without a server: its application on a real Redis, asked through Flask's test client."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from autoscaler.settings import AutoscalerSettings
from lb.settings import ServiceSettings
from monitor.dashboard.app import EXTENSION, Parts
from monitor.dashboard.drills import Drills
from monitor.dashboard.main import create_dashboard
from monitor.dashboard.settings import DashboardSettings

TOKEN = "an-admin-token"


@pytest.fixture
def settings(redis_server: Any) -> DashboardSettings:
    service = ServiceSettings(redis_url=redis_server.url)
    return DashboardSettings(scaling=AutoscalerSettings(service), acts_redis_url=redis_server.url, token=TOKEN)


@pytest.fixture
def app(settings: DashboardSettings, redis_client: redis.Redis) -> Flask:
    app = create_dashboard(settings)
    # The command itself is tried where it lives: here a drill is a second of sleep.
    app.extensions[EXTENSION] = replace(app.extensions[EXTENSION], drills=Drills(("sh", "-c", "sleep 1")))
    return app


@pytest.fixture
def parts(app: Flask) -> Parts:
    found: Parts = app.extensions[EXTENSION]
    return found


@pytest.fixture
def site(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client
