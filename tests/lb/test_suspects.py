"""Suspects: the message arrives, and odd ones are no port."""

import pytest
import redis

from lb.suspects import publish_suspect, suspect_of, suspects_channel


def test_a_suspect_reaches_who_listens(redis_client: redis.Redis) -> None:
    with redis_client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(suspects_channel("acts"))
        listener.get_message(timeout=5)
        publish_suspect(redis_client, "acts", 8003)
        message = listener.get_message(timeout=5)
    assert message is not None
    assert suspect_of(message["data"]) == 8003


@pytest.mark.parametrize(("message", "port"), [("8000", 8000), ("", None), ("-1", None), ("x", None), ("٣", None)])
def test_only_digits_are_a_port(message: str, port: int | None) -> None:
    assert suspect_of(message) == port
