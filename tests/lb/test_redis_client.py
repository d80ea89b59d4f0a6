"""Opening the state Redis: both forms of address, and failures that are raised at once."""

import pytest
import redis
from helpers import free_port
from real_redis import RedisServer

from lb.redis_client import connect


def test_both_forms_of_address_work(redis_server: RedisServer) -> None:
    for url in (redis_server.url, redis_server.tcp_url):
        with connect(url) as client:
            assert client.ping()


def test_answers_are_text_and_the_name_shows(redis_server: RedisServer) -> None:
    with connect(redis_server.url, name="tester") as client:
        client.set("key", "text")
        assert client.get("key") == "text"
        assert client.client_getname() == "tester"


def test_a_redis_that_is_away_is_an_error() -> None:
    with connect(f"redis://127.0.0.1:{free_port()}/0") as client, pytest.raises(redis.ConnectionError):
        client.ping()
