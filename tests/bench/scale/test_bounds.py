"""What can be proved."""

from bench.scale import bounds


def test_a_change_of_the_ring_begins_another_run_of_the_shared_turn() -> None:
    assert [bounds.of_shared_turn(changes) for changes in (0, 1, 2)] == [1, 2, 3]


def test_a_lease_of_one_leaves_nothing_over() -> None:
    assert bounds.of_leases(1_000, 1, deaths=7) == 1


def test_leases_are_apart_by_what_is_left_over_whatever_their_length() -> None:
    assert bounds.of_leases(1_000, 10) == bounds.of_leases(1_000, 1_000) == 1_001
    assert bounds.of_leases(1_000, 10, deaths=5) == 1_006
    assert bounds.of_leases(1_000, 10, changes=1) == 1_001 + 2_001


def test_shards_and_proxies_by_themselves_are_a_run_each() -> None:
    assert (bounds.of_shards(16), bounds.of_local(1_000, deaths=3), bounds.of_local(10, changes=1)) == (16, 1_003, 20)


def test_a_summed_count_lacks_what_was_not_told_and_one_slot() -> None:
    assert bounds.of_seen_count(rate=100, told_every=2, precision=0.5) == 250
