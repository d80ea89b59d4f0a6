"""Suspects are heard, on a real Redis."""

import threading

from helpers import eventually

from lb.suspects import command_of
from monitor.suspect_listener import SuspectListener


def test_a_suspect_is_heard_at_once(redis_client):
    heard, end = [], threading.Event()
    thread = SuspectListener(redis_client, "acts", lambda: heard.append(1), end).start()
    eventually(lambda: heard)  # the confirmation of the subscription counts as one
    before = len(heard)
    redis_client.execute_command(*command_of("acts", 8001))
    assert eventually(lambda: len(heard) == before + 1)
    end.set()
    thread.join(5)
    assert not thread.is_alive()
