import time
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import eventually
from real_redis import start_redis

from autoscaler import decision_log
from autoscaler.plan import Plan
from autoscaler.policy import Measured, Policy, decide
from deploy.container_state import State
from lb.events import Event, Kind, queue_event
from lb.redis_client import connect
from monitor.dashboard.app import Parts
from monitor.dashboard.hub import Hub
from monitor.dashboard.reader import Heart, Reader

NOW = 1_700_000_000.0


def decided(client, at: float, count: int) -> None:
    """The autoscaler has ticked at that time."""
    decision, _ = decide(Measured(at, count, 1000.0, 1), {1: at - 1}, Policy())
    pipe = client.pipeline()
    decision_log.queue_append(pipe, "acts", decision_log.entry_for(decision, {8000: State.RUNNING}, Plan()))
    pipe.execute()


def hello(hub: Hub) -> str:
    return next(hub.listen())


def test_a_tick_publishes_the_state_as_it_is(ward, parts: Parts) -> None:
    ward.start(8000)
    parts.reader.tick(time.time())
    assert [row["port"] for row in parts.hub.state["rows"]] == [8000]
    assert parts.hub.state["away"] is None


def test_each_event_is_told_once(redis_client, parts: Parts) -> None:
    queue_event(redis_client, "acts", Event(Kind.HELD, None, "first", "test"))
    parts.reader.tick(time.time())
    queue_event(redis_client, "acts", Event(Kind.HELD, None, "second", "test"))
    parts.reader.tick(time.time())
    parts.reader.tick(time.time())
    assert [hello(parts.hub).count(f'"{word}"') for word in ("first", "second")] == [1, 1]


def test_the_hour_before_is_read_at_first(redis_client, parts: Parts) -> None:
    now = 1_700_000_000.0
    for second in range(-20, 1):
        decided(redis_client, now + second, 0)
    parts.reader.tick(now)
    decided(redis_client, now + 5, 30)
    parts.reader.tick(now + 5)
    assert '"points":[[' in hello(parts.hub)
    assert "[1700000005," not in hello(parts.hub)  # that step is not over
    decided(redis_client, now + 10, 30)
    parts.reader.tick(now + 10)
    assert "[1700000000,4.8,1,1,null],[1700000005,1.2,2,1,null]" in hello(parts.hub)


def test_a_redis_that_went_away_is_said_and_its_return_too(tmp_path: Path, settings, caplog) -> None:
    server = start_redis(tmp_path)
    try:
        service = replace(settings.scaling.service, redis_url=server.url)
        settings = replace(settings, scaling=replace(settings.scaling, service=service))
        hub = Hub(5)
        reader = Reader(connect(server.url), settings, hub)
        reader.tick(NOW)
    finally:
        server.process.terminate()
        server.process.wait(10)
    reader.tick(NOW + 1.0)
    reader.tick(NOW + 3.0)
    assert hub.state["away"]["since"] == NOW + 1.0
    assert hub.state["rows"] == []  # the last state stays
    assert caplog.text.count("cannot be used") == 1
    again = start_redis(tmp_path)
    try:
        reader.tick(NOW + 4.0)
    finally:
        again.process.terminate()
        again.process.wait(10)
    assert hub.state["away"] is None


@pytest.mark.parametrize("url", ["", "unix:///nowhere/at.all"])
def test_a_heart_that_cannot_be_heard_is_data(url) -> None:
    heart = Heart(url)
    heart.tick(1.0)
    assert heart.pulse is None if not url else heart.pulse.problem


def test_a_heart_is_measured(redis_server) -> None:
    heart = Heart(redis_server.url)
    eventually(lambda: heart.tick(5.0) or (heart.pulse and heart.pulse.seconds))
    assert heart.pulse.at == 5.0
