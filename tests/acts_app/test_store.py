"""The store's own promises: atomic changes, no drift, nothing left behind, and nothing slower with age."""


import redis
from acts_samples import at_once, upload

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
