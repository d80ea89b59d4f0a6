"""Suspects: who listens is told the port."""

import redis

from lb.suspects import command_of, suspects_channel


def test_a_suspect_reaches_who_listens(redis_client: redis.Redis) -> None:
    with redis_client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(suspects_channel("acts"))
        listener.get_message(timeout=5)
        redis_client.execute_command(*command_of("acts", 8003))
        message = listener.get_message(timeout=5)
    assert message is not None
    assert message["data"] == "8003"
