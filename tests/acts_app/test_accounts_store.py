"""Accounts in the store."""

from acts_samples import at_once

from acts_app.store import Store


def test_of_many_sign_ups_with_one_name_one_wins(store: Store) -> None:
    assert sum(at_once(lambda _: store.accounts.add("bob", "record"), 40)) == 1


def test_an_account_number_is_never_given_twice(store: Store) -> None:
    first = store.accounts.find("ann")
    store.accounts.remove("ann", "")
    store.accounts.add("ann", "record")
    again = store.accounts.find("ann")
    assert first is not None
    assert again is not None
    assert first.number != again.number
