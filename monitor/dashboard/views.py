"""What can be looked at: the page, the stream that keeps it live, the state as JSON, and why it is so."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

import redis
from flask import Blueprint, Response, render_template, request

from autoscaler import decision_log, why
from lb.clock import redis_time
from monitor import metrics, snapshot
from monitor.dashboard.app import answer, parts
from monitor.dashboard.drills import FAULTS
from monitor.dashboard.guard import Refused
from monitor.dashboard.hub import Full

UNREAD_BYTES = 65_536  # that the kernel holds for a listener; by itself it would hold megabytes, minutes of ticks
STUCK_SECONDS = 10  # a listener that takes nothing for so long is given up
LOOK_BACK = 7_200  # decisions, two hours of them: a number that is older is said to be older

routes = Blueprint("views", __name__)


@routes.get("/")
def page() -> str:
    """The page itself; what it shows comes through the stream."""
    settings = parts().settings
    return render_template(
        "dashboard.html", service=settings.scaling.service.name, lb_port=settings.lb_port, faults=FAULTS
    )


@routes.get("/stream")
def stream() -> Response:
    """Server-Sent Events: "hello" with everything, then a "tick" for each look at the service."""
    hub = parts().hub
    try:
        messages = hub.listen()
    except Full as problem:
        raise Refused(503, "Too many pages listen already. Close one.", {"Retry-After": "5"}) from problem
    response = Response(encoded(messages), content_type="text/event-stream; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # a proxy that keeps it back would make it useless
    response.call_on_close(hub.leave)
    if connection := request.environ.get("gunicorn.socket"):
        bound(connection)
        response.call_on_close(lambda: hang_up(connection))
    return response


def bound(connection: socket.socket) -> None:
    """Let a listener that takes nothing be noticed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)
    connection.settimeout(STUCK_SECONDS)


def hang_up(connection: socket.socket) -> None:
    """End a stream here and now: gunicorn would wait two seconds for the listener's good-bye, and everybody with it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def encoded(messages: Iterator[str]) -> Iterator[bytes]:
    """The messages as bytes, after how soon a browser is to come back when the line breaks."""
    yield b"retry: 1000\n\n"
    for message in messages:
        yield message.encode()


@routes.get("/state.json")
def state() -> Response:
    """What the page shows, for scripts; without events and chart."""
    return answer(200, **parts().hub.state)


@routes.get("/why")
def explain() -> Response:
    """Why there were as many containers as there were at `at` (unix seconds, now by default)."""
    at = moment(request.args.get("at", ""))
    name = parts().settings.scaling.service.name
    story = why.story_of(islice(decision_log.backwards(parts().client, name, at), LOOK_BACK))
    if story is None:
        raise Refused(404, "The autoscaler has written nothing down before that time.")
    return answer(200, at=at, sentence=why.why(story, at))


def moment(text: str) -> float:
    """The unix time of a query; now when there is none. Refused when it is no number, or far from now."""
    now = redis_time(parts().client)
    try:
        at = float(text or now)
    except ValueError:
        at = -1.0
    if not 0 <= at <= now + 86_400:
        raise Refused(400, "at has to be a time in unix seconds.")
    return at


@routes.get("/metrics")
def prometheus() -> Response:
    """The text format of Prometheus; read at this moment. While Redis is away it says that and nothing else."""
    its = parts()
    its.reader.state_heart.tick(time.time())
    found = list(metrics.servers(its.reader.servers))
    try:
        seen = snapshot.read(its.client, its.settings.scaling.service, its.settings.scaling.policy)
        found += metrics.families(seen, its.reader.keeper.update(seen.workers), its.settings.scaling.service)
    except redis.RedisError:
        pass  # redis_up says so; what is not known is left out
    return Response(metrics.exposition(found), content_type=metrics.CONTENT_TYPE)


@routes.get("/healthz")
def health() -> Response:
    """200 as long as the dashboard itself works; the service may be in any state."""
    return answer(200, listeners=parts().hub.listeners)
