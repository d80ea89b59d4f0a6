"""The scripts of the store, called by many at once."""

from acts_samples import at_once, upload

from acts_app.store import Store


def test_of_many_uploads_of_one_id_one_is_added(store: Store) -> None:
    assert sorted(at_once(lambda _: upload(store, "7"), 40)) == ["added"] + ["taken"] * 39
    assert (store.acts.count(), store.categories.sizes()) == (1, {"trees": 1})


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
