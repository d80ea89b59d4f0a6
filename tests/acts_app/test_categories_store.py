"""Categories in the store."""

import pytest
import redis
from acts_samples import upload

from acts_app.store import Store


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
