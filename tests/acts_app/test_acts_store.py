"""Acts in the store."""

import redis
from acts_samples import upload

from acts_app.store import Store


def test_an_account_votes_once_and_may_take_it_back(store: Store) -> None:
    upload(store, "7")
    wishes = [("1", True), ("1", True), ("2", True), ("1", False), ("1", False)]
    votes = [store.acts.upvote_once("7", account, wanted) for account, wanted in wishes]
    assert votes == [1, 1, 2, 1, 1]
    assert store.acts.upvote_once("8", "1", True) is None
    found = store.acts.find("7")
    assert found is not None
    assert (store.acts.upvoted([found], "1"), store.acts.upvoted([found], "2")) == (set(), {"7"})


def test_a_removed_act_leaves_no_key_behind(store: Store, redis_client: redis.Redis) -> None:
    before = set(redis_client.scan_iter())
    upload(store, "7")
    store.acts.upvote_once("7", "1", True)
    assert len(set(redis_client.scan_iter())) == len(before) + 5
    assert store.acts.remove("7", "") == 1
    assert set(redis_client.scan_iter()) == before


def test_images_are_batched_by_their_size(store: Store) -> None:
    for n in range(5):
        upload(store, str(n))
    listing = store.acts.whole("trees")
    assert listing is not None
    assert [len(batch) for batch in store.acts.batches(listing.acts, 6)] == [2, 2, 1]
    assert [len(batch) for batch in store.acts.batches(listing.acts, 1)] == [1] * 5
