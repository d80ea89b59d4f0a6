"""Puts the dashboard together: `create_app(settings)` is the WSGI application, `start` its eyes."""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import redis
from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from deploy.ticker import Ticker
from lb.clock import RedisClock
from lb.redis_client import connect
from monitor.dashboard import guard
from monitor.dashboard.drills import Drills
from monitor.dashboard.guard import Refused
from monitor.dashboard.hub import Hub
from monitor.dashboard.reader import TICK_SECONDS, TIMEOUT, Reader
from monitor.dashboard.settings import DashboardSettings
from monitor.edge import redis_sentence

EXTENSION = "dashboard"
LISTENERS = 32  # pages open at the same time; each holds a thread and about 100 KB
PULSE_SECONDS = 2.0
BODY_BYTES = 4096  # a change is a few words

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=(), payment=()",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True)
class Parts:
    """What the routes work with. `client` is the state Redis."""

    settings: DashboardSettings
    client: redis.Redis
    hub: Hub
    reader: Reader
    drills: Drills = field(default_factory=Drills)


def parts() -> Parts:
    """The parts of the application that serves this request."""
    return cast(Parts, current_app.extensions[EXTENSION])


def create_app(settings: DashboardSettings) -> Flask:
    """The application. It connects to nothing and starts nothing by itself."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES
    client = connect(settings.scaling.service.redis_url, timeout=TIMEOUT, name="dashboard")
    hub = Hub(LISTENERS)
    app.extensions[EXTENSION] = Parts(settings, client, hub, Reader(client, settings, hub))
    app.before_request(watch)
    app.after_request(harden)
    app.register_error_handler(Refused, refuse)
    app.register_error_handler(HTTPException, no_page)
    app.register_error_handler(redis.RedisError, no_redis)
    return app


def start(app: Flask, alive: Callable[[], bool]) -> threading.Event:
    """Begin to look at the service; listeners are served as long as `alive` says so. Setting the event ends it."""
    its = cast(Parts, app.extensions[EXTENSION])
    its.hub.alive = alive
    until, clock = threading.Event(), RedisClock(its.client)
    for tick, seconds in ((its.reader.tick, TICK_SECONDS), (its.reader.acts_heart.tick, PULSE_SECONDS)):
        threading.Thread(target=Ticker(seconds, now=clock.now).run, args=(tick, until), daemon=True).start()
    return until


def watch() -> None:
    """Before every request: is it for us, and from whom."""
    settings = parts().settings
    guard.check_name(request.host, settings.names)
    if request.method in guard.READING:
        guard.check_look(request.remote_addr or "", request.headers, settings)
    else:
        guard.check_change(request.headers, request.host, settings.token)


def harden(response: Response) -> Response:
    """On every answer."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def answer(status: int, **values: object) -> Response:
    """A JSON answer."""
    return Response(json.dumps(values), status, content_type="application/json")


def refuse(problem: Refused) -> Response:
    """The request is not served, with the reason."""
    response = answer(problem.status, error=problem.sentence)
    response.headers.update(problem.headers)
    return response


def no_page(problem: HTTPException) -> Response:
    """Werkzeug's own errors (404, 405, 413) as JSON."""
    response = answer(problem.code or 500, error=problem.description or "")
    response.headers.extend([pair for pair in problem.get_headers() if pair[0] == "Allow"])
    return response


def no_redis(problem: redis.RedisError) -> Response:
    """What was asked for is in Redis, and that is away."""
    logging.getLogger(__name__).warning("Redis cannot be used: %s", problem)
    return answer(503, error=redis_sentence(problem))
