"""The store's own promises: atomic changes, no drift, nothing left behind, and nothing slower with age."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from acts_samples import act

from acts_app import validate
from acts_app.store import Store
from acts_app.store_connection import REQUESTS


@pytest.fixture
def store(redis_server: Any, redis_client: redis.Redis) -> Iterator[Store]:
    """A store with user ann and category trees."""
    store = Store.at(redis_server.url)
    store.accounts.add("ann", "record")
    store.categories.add("trees", "")
    yield store
    store.close()


def upload(store: Store, act_id: str, **changes: Any) -> str:
    """Upload a valid act."""
    body = validate.parse_json(validate.json.dumps(act(1, **changes)).encode())
    return store.acts.add(validate.act(body | {"actId": validate.LongInteger(act_id)}), "")


def at_once(function: Any, times: int) -> list[Any]:
    """The answers of many calls at the same time."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(function, range(times)))


def test_of_many_uploads_of_one_id_one_is_added(store: Store) -> None:
    assert sorted(at_once(lambda _: upload(store, "7"), 40)) == ["added"] + ["taken"] * 39
    assert (store.acts.count(), store.categories.sizes()) == (1, {"trees": 1})


def test_of_many_sign_ups_with_one_name_one_wins(store: Store) -> None:
    assert sum(at_once(lambda _: store.accounts.add("bob", "record"), 40)) == 1


def test_upvotes_and_requests_are_never_lost(store: Store) -> None:
    upload(store, "7")
    at_once(lambda _: (store.acts.upvote("7"), store.count_request()), 100)
    found = store.acts.find("7")
    assert found is not None
    assert (found.upvotes, store.requests()) == (100, 100)


def test_counts_do_not_drift_under_uploads_removals_and_a_vanishing_category(store: Store) -> None:
    def something(n: int) -> None:
        store.categories.add("water", "")
        upload(store, str(n), categoryName="water" if n % 2 else "trees")
        store.acts.remove(str(n - 3), "")
        if n % 10 == 0:
            store.categories.remove("water", "")

    at_once(something, 200)
    sizes = store.categories.sizes()
    assert sum(sizes.values()) == store.acts.count()
    for name, size in sizes.items():
        listing = store.acts.stretch(name, 1, 100)
        assert listing is not None
        assert (listing.size, len(listing.acts)) == (size, min(size, 100))


def test_an_account_votes_once_and_may_take_it_back(store: Store) -> None:
    upload(store, "7")
    votes = [store.acts.upvote_once("7", account, wanted) for account, wanted in ACCOUNTS_AND_WISHES]
    assert votes == [1, 1, 2, 1, 1]
    assert store.acts.upvote_once("8", "1", True) is None
    found = store.acts.find("7")
    assert found is not None
    assert (store.acts.upvoted([found], "1"), store.acts.upvoted([found], "2")) == (set(), {"7"})


ACCOUNTS_AND_WISHES = [("1", True), ("1", True), ("2", True), ("1", False), ("1", False)]


def test_a_removed_act_leaves_no_key_behind(store: Store, redis_client: redis.Redis) -> None:
    before = set(redis_client.scan_iter())
    upload(store, "7")
    store.acts.upvote_once("7", "1", True)
    assert len(set(redis_client.scan_iter())) == len(before) + 5
    assert store.acts.remove("7", "") == 1
    assert set(redis_client.scan_iter()) == before


def test_a_removed_category_leaves_no_key_behind(store: Store, redis_client: redis.Redis) -> None:
    before = set(redis_client.scan_iter())
    store.categories.add("water", "")
    for n in range(300):
        upload(store, str(n), categoryName="water")
    assert store.categories.remove("water", "") == 1
    assert set(redis_client.scan_iter()) == before


@pytest.mark.parametrize(("owner", "by", "outcome"), [("1", "2", -1), ("1", "1", 1), ("1", "", 1), ("", "1", -1)])
def test_only_the_owner_or_anybody_with_the_open_protocol_removes(
    store: Store, owner: str, by: str, outcome: int
) -> None:
    store.categories.add("water", owner)
    assert store.categories.remove("water", by) == outcome


def test_an_account_number_is_never_given_twice(store: Store) -> None:
    first = store.accounts.find("ann")
    store.accounts.remove("ann", "")
    store.accounts.add("ann", "record")
    again = store.accounts.find("ann")
    assert first is not None
    assert again is not None
    assert first.number != again.number


def test_images_are_batched_by_their_size(store: Store) -> None:
    for n in range(5):
        upload(store, str(n))
    listing = store.acts.whole("trees")
    assert listing is not None
    assert [len(batch) for batch in store.acts.batches(listing.acts, 6)] == [2, 2, 1]
    assert [len(batch) for batch in store.acts.batches(listing.acts, 1)] == [1] * 5


def test_a_request_counter_that_is_gone_is_0(store: Store, redis_client: redis.Redis) -> None:
    store.count_request()
    redis_client.delete(REQUESTS)
    assert store.requests() == 0


def test_no_command_is_sent_a_second_time_when_the_first_answer_is_lost(store: Store) -> None:
    assert store.client.connection_pool.connection_kwargs["retry"].get_retries() == 0
