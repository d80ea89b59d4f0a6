"""The mark of a comparison, on a real Redis."""

from autoscaler.compared import compared_key, mark, queue_read
from deploy.wake import AUTOSCALER, wake_channel


def test_nobody_has_compared_at_first_and_the_mark_says_when(redis_client):
    pipe = redis_client.pipeline()
    queue_read(pipe, "acts")
    assert pipe.execute() == [None]
    mark(redis_client, "acts", 100.5)
    assert redis_client.get(compared_key("acts")) == "100.500"


def test_only_the_first_comparison_wakes_the_autoscaler(redis_client):
    with redis_client.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(wake_channel("acts", AUTOSCALER))
        heard.get_message(timeout=2)
        for now in range(3):
            mark(redis_client, "acts", now)
        redis_client.publish(wake_channel("acts", AUTOSCALER), "the end")
        messages = [heard.get_message(timeout=2) for _ in range(2)]
    assert [message["data"] for message in messages] == ["", "the end"]
