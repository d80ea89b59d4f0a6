"""A page of acts, and the place where the next one begins."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from acts_app.accounts_store import Account
from acts_app.acts_store import Act
from acts_app.feed import PAGE, feed, owns
from acts_app.store import Store
from acts_app.validate import NewAct, seconds_of


@pytest.fixture
def store(redis_server: Any, redis_client: redis.Redis) -> Iterator[Store]:
    """A store with user ann and category trees."""
    store = Store.at(redis_server.url)
    store.accounts.add("ann", "record")
    store.categories.add("trees", "")
    yield store
    store.close()


def upload(store: Store, act_id: int, stamp: str = "01-01-2026:00-00-12") -> None:
    """Upload an act."""
    assert store.acts.add(NewAct(str(act_id), "ann", stamp, seconds_of(stamp), "", "trees", b""), "1") == "added"


def ids(store: Store, before: str | None) -> tuple[list[int], str | None]:
    """A page's ids, and where the next one begins."""
    page = feed(store, "trees", before, None)
    assert page is not None
    return [int(card.act.id) for card in page.cards], page.older


def test_an_act_uploaded_meanwhile_shifts_nothing(store: Store) -> None:
    for n in range(15):
        upload(store, n)
    first, older = ids(store, None)
    upload(store, 99)
    assert (first, ids(store, older)) == (list(range(14, 2, -1)), ([2, 1, 0], None))


def test_the_act_where_a_page_ended_may_go_away(store: Store) -> None:
    for n in range(15):
        upload(store, n, f"{n + 1:02}-01-2026:00-00-12")
    first, older = ids(store, None)
    store.acts.remove(str(first[-1]), "")
    assert ids(store, older) == ([2, 1, 0], None)


def test_a_full_last_page_leads_nowhere(store: Store) -> None:
    for n in range(PAGE):
        upload(store, n)
    assert ids(store, None)[1] is None


def test_an_unknown_category_has_no_feed(store: Store) -> None:
    assert feed(store, "none", None, None) is None


@pytest.mark.parametrize(
    ("uploader", "name", "viewer", "own"),
    [
        ("1", "ann", Account("ann", "1"), True),
        ("1", "ann", Account("ann", "2"), False),
        ("", "ann", Account("ann", "2"), True),
        ("", "ann", Account("bob", "2"), False),
        ("1", "ann", None, False),
    ],
)
def test_an_act_belongs_to_the_account_and_not_to_the_name(
    uploader: str, name: str, viewer: Account | None, own: bool
) -> None:
    assert owns(viewer, Act(0, "1", name, "", "", 0, "", uploader, "")) is own
