"""The store's own promises: atomic changes, no drift, nothing left behind, and nothing slower with age."""

from pathlib import Path

import redis
from acts_samples import at_once, upload
from real_redis import start_redis

from acts_app.store import Store
from acts_app.store_connection import REQUESTS


def test_upvotes_and_requests_are_never_lost(store: Store) -> None:
    upload(store, "7")
    at_once(lambda _: (store.acts.upvote("7"), store.count_request()), 100)
    found = store.acts.find("7")
    assert found is not None
    assert (found.upvotes, store.requests()) == (100, 100)


def test_a_request_counter_that_is_gone_is_0(store: Store, redis_client: redis.Redis) -> None:
    store.count_request()
    redis_client.delete(REQUESTS)
    assert store.requests() == 0


def test_counting_requests_does_not_make_readers_wait_for_the_disk(tmp_path: Path) -> None:
    server = start_redis(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    store = Store.at(server.url)
    try:
        store.count_request()
        before = store.client.info("persistence")["aof_current_size"]
        for _ in range(98):
            store.count_request()
        assert store.client.info("persistence")["aof_current_size"] == before
        store.count_request()
        assert store.client.info("persistence")["aof_current_size"] > before
        assert store.requests() == 100
    finally:
        store.close()
        server.process.terminate()
        server.process.wait(10)
