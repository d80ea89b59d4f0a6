import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import eventually
from real_redis import start_redis

from deploy.wake import DEPLOY, WakeListener, wake, wake_channel
from lb.redis_client import connect


class Alarm:
    """Counts wakes."""

    def __init__(self) -> None:
        self.rung = 0

    def ring(self) -> None:
        self.rung += 1


@pytest.fixture
def until() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_message_on_the_channel_wakes(redis_server, redis_client, until):
    alarm = Alarm()
    with connect(redis_server.url) as client:
        thread = WakeListener(client, "acts", DEPLOY, alarm.ring, until).start()
        eventually(lambda: redis_client.pubsub_numsub(wake_channel("acts", DEPLOY))[0][1])
        before = alarm.rung
        wake(redis_client, "acts", DEPLOY)
        eventually(lambda: alarm.rung > before)
        until.set()
        thread.join(5)
    assert not thread.is_alive()


def test_redis_coming_back_counts_as_a_wake_and_is_listened_to_again(until):
    alarm = Alarm()
    with tempfile.TemporaryDirectory(prefix="slf-") as folder:
        server = start_redis(Path(folder))
        with connect(server.url) as client:
            thread = WakeListener(client, "acts", DEPLOY, alarm.ring, until).start()
            eventually(lambda: alarm.rung)
            end(server)
            before = alarm.rung
            server = start_redis(Path(folder))
            with connect(server.url) as listener_sees_the_same_socket:
                eventually(lambda: alarm.rung > before)
                before = alarm.rung
                wake(listener_sees_the_same_socket, "acts", DEPLOY)
                eventually(lambda: alarm.rung > before)
            until.set()
            thread.join(5)
        end(server)


def end(server) -> None:
    server.process.kill()
    server.process.wait(5)
