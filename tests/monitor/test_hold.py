"""Holding is said once, also by two monitors, and told when it is over."""

from contextlib import suppress

import pytest
from fate import Fate, Killed, dies, fated_client

from lb import events
from lb.events import Kind
from monitor.hold import Hold, begin, end, read


def told(client):
    return [(event.kind, event.reason, event.seconds) for event in events.read(client, "acts")]


def test_nothing_is_held_at_first(redis_client):
    assert read(redis_client, "acts") is None


def test_a_hold_is_seen_while_it_lasts(redis_client):
    begin(redis_client, "acts", "the store is away", "monitor", 100.5)
    assert read(redis_client, "acts") == Hold("the store is away", 100.5)
    end(redis_client, "acts", "monitor", 110.0)
    assert read(redis_client, "acts") is None


def test_a_hold_is_one_event_at_its_begin_and_one_at_its_end(redis_client):
    answers = [begin(redis_client, "acts", f"the store is away {n}", "monitor", 100.0 + n) for n in range(3)]
    answers += [end(redis_client, "acts", "monitor", 112.0) for _ in range(3)]
    assert answers == [True, False, False, True, False, False]
    assert told(redis_client) == [
        (Kind.HELD, "the store is away 0", None),
        (Kind.RECOVERED, "no longer held: the store is away 0", 12.0),
    ]


def test_the_end_of_a_hold_that_never_was_is_nothing(redis_client):
    assert not end(redis_client, "acts", "monitor", 5.0)
    assert told(redis_client) == []


@pytest.mark.parametrize("step", [1, 2, 3])
def test_who_dies_while_he_says_it_leaves_no_hold_without_its_reason(redis_client, redis_server, step):
    fate = Fate()
    fate.strike(step, after=dies)
    with fated_client(redis_server.socket_path, fate) as client, suppress(Killed):
        begin(client, "acts", "the store is away", "monitor", 100.0)
    assert read(redis_client, "acts") in (None, Hold("the store is away", 100.0))
