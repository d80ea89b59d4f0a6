"""The operator's word, on a real Redis."""

import pytest
import redis

from autoscaler.override import Override, read, set_number
from deploy.wake import AUTOSCALER, wake_channel
from lb import events
from lb.settings import ServiceSettings

SERVICE = ServiceSettings(max_containers=6)


def test_nobody_said_anything_means_automatic(redis_client: redis.Redis) -> None:
    assert read(redis_client, "acts") == Override(None, "", 0.0)


def test_a_fixed_number_is_read_with_who_and_when(redis_client: redis.Redis) -> None:
    set_number(redis_client, SERVICE, 4, "ann", now=100.5)
    assert read(redis_client, "acts") == Override(4, "ann", 100.5)


def test_auto_gives_the_number_back_to_the_rule(redis_client: redis.Redis) -> None:
    set_number(redis_client, SERVICE, 4, "ann", now=100.0)
    set_number(redis_client, SERVICE, None, "bob", now=200.0)
    assert read(redis_client, "acts") == Override(None, "bob", 200.0)


@pytest.mark.parametrize("number", [-1, 0, 7])
def test_a_number_that_cannot_be_is_refused_and_changes_nothing(redis_client: redis.Redis, number: int) -> None:
    with pytest.raises(ValueError, match=rf"1 to 6 containers \(MAX_CONTAINERS\), not {number}"):
        set_number(redis_client, SERVICE, number, "ann")
    assert redis_client.keys() == []


def test_the_operators_word_is_an_event_with_who(redis_client: redis.Redis) -> None:
    set_number(redis_client, SERVICE, 2, "ann")
    set_number(redis_client, SERVICE, None, "ann")
    told = [(event.who, event.reason) for event in events.read(redis_client, "acts")]
    assert told == [
        ("ann", "the number of containers is fixed at 2"),
        ("ann", "the number of containers is automatic again"),
    ]


def test_the_operators_word_wakes_the_autoscaler(redis_client: redis.Redis) -> None:
    with redis_client.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(wake_channel("acts", AUTOSCALER))
        heard.get_message(timeout=2)
        set_number(redis_client, SERVICE, 2, "ann")
        assert heard.get_message(timeout=2) is not None
