"""Signs of life, on a real Redis."""

import os

import pytest
import redis
from helpers import free_port

from deploy.daemon_beat import TTL_SECONDS, Beat, beat_key, beat_of, own_beat, queue_beat, read
from lb.redis_client import connect


def say(client: redis.Redis, beat: Beat) -> None:
    pipe = client.pipeline()
    queue_beat(pipe, "acts", beat)
    pipe.execute()


def test_a_beat_is_read_back_as_it_was_written(redis_client: redis.Redis) -> None:
    beat = Beat("monitor", "here", 42, started=100.5, beat=170.25, trouble="the store does not answer")
    say(redis_client, beat)
    assert read(redis_client, "acts", "monitor") == beat


def test_the_beat_of_this_process_carries_its_pid(redis_client: redis.Redis) -> None:
    assert own_beat("deploy", started=1.0, now=2.0).pid == os.getpid()


def test_a_daemon_that_never_beat_is_none(redis_client: redis.Redis) -> None:
    assert read(redis_client, "acts", "deploy") is None


def test_a_beat_is_forgotten_by_itself(redis_client: redis.Redis) -> None:
    say(redis_client, own_beat("autoscaler", 1.0, 2.0))
    assert 0 < redis_client.ttl(beat_key("acts", "autoscaler")) <= TTL_SECONDS


def test_trouble_that_is_over_is_not_shown_any_more(redis_client: redis.Redis) -> None:
    say(redis_client, own_beat("deploy", 1.0, 2.0, trouble="docker does not answer"))
    say(redis_client, own_beat("deploy", 1.0, 3.0))
    beat = read(redis_client, "acts", "deploy")
    assert beat is not None
    assert beat.trouble == ""


def test_a_hash_with_only_a_beat_is_enough() -> None:
    beat = beat_of("deploy", {"beat": "3.5"})
    assert beat == Beat("deploy", "", 0, 0.0, 3.5)


def test_reading_without_redis_says_so_instead_of_none() -> None:
    with pytest.raises(redis.ConnectionError):
        read(connect(f"redis://127.0.0.1:{free_port()}/0"), "acts", "deploy")
