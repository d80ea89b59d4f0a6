"""The round robin done again: ledgers that are right, and ledgers that were meddled with."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from lb.ledger import Entry
from lb.ring import Member, Ring, return_port
from monitor.audit import Audit, audit, overlaps_and_gaps


def ring(version: int, *ports: int) -> Ring:
    return Ring(version, tuple(Member(port, f"127.0.0.1:{port}") for port in ports))


RINGS: Mapping[int, Ring] = {5: ring(5, 8000, 8001, 8002), 6: ring(6, 8000, 8002)}


def entry(worker: str, version: int, *turns: range) -> Entry:
    """What a worker writes that has done all of it right."""
    ports = Counter(return_port(RINGS[version], turn) for some in turns for turn in some)
    had = {port: number for port, number in ports.items() if port is not None}
    return Entry(worker, 0.0, 1.0, version, False, list(turns), had, [], [], 0)


def test_a_ledger_that_is_right_has_no_deviation() -> None:
    found = audit([entry("a", 5, range(100), range(150, 200)), entry("b", 5, range(100, 150))], RINGS)
    assert found.is_exact
    assert (found.turns, found.workers, found.twice, found.missing) == (200, 2, 0, 0)
    assert found.expected == found.had == {8000: 67, 8001: 67, 8002: 66}


def test_rings_change_and_shares_with_them() -> None:
    found = audit([entry("a", 5, range(30)), entry("a", 6, range(30, 50))], RINGS)
    assert found.is_exact
    assert found.had == {8000: 20, 8001: 10, 8002: 20}


def test_one_request_that_went_elsewhere_is_found() -> None:
    right = entry("a", 5, range(30))
    wrong = replace(right, ports={8000: 11, 8001: 9, 8002: 10})
    found = audit([wrong], RINGS)
    assert found.deviations == {8000: 1, 8001: -1}
    assert not found.is_exact


def test_a_second_try_is_expected_where_the_rest_of_the_ring_says() -> None:
    # Turn 31 is a second try: of 8000 and 8002, without 8001 which failed, it falls to 8002.
    told = replace(entry("a", 5, range(30)), turns=[range(32)], retries=[(31, 8002, (8001,))], unused=[30])
    found = audit([replace(told, ports={8000: 10, 8001: 10, 8002: 11})], RINGS)
    assert found.is_exact
    assert (found.retries, found.unused) == (1, 1)


@pytest.mark.parametrize(
    ("turns", "twice", "missing"),
    [
        ([], 0, 0),
        ([range(5), range(5, 9)], 0, 0),
        ([range(5, 9), range(5)], 0, 0),
        ([range(5), range(3, 9)], 2, 0),
        ([range(9), range(2, 4)], 2, 0),
        ([range(5), range(8, 9)], 0, 3),
        ([range(3, 3), range(5, 6)], 0, 0),
    ],
)
def test_turns_used_twice_and_turns_that_nobody_tells_are_counted(turns: list[range], twice: int, missing: int) -> None:
    assert overlaps_and_gaps(turns) == (twice, missing)


def test_a_turn_that_two_workers_used_is_no_exact_round_robin() -> None:
    found = audit([entry("a", 5, range(10)), entry("b", 5, range(9, 12))], RINGS)
    assert (found.twice, found.is_exact) == (1, False)


def test_what_cannot_be_derived_is_said_and_not_compared() -> None:
    old, alone = replace(entry("a", 5, range(10)), version=4), replace(entry("b", 5, range(7)), degraded=True)
    lossy = replace(entry("c", 5, range(10, 13)), lost=2)
    found = audit([old, alone, lossy, entry("a", 6, range(13, 20))], RINGS)
    assert found.is_exact
    assert (found.turns, found.unknown, found.alone, found.lost, found.missing) == (7, 10, 7, 2, 0)


def test_turns_of_the_service_before_this_start_are_said_and_not_compared() -> None:
    """Its Redis may have gone on, and its proxy have been killed over what it had to tell."""
    old = replace(entry("a", 5, range(50)), begin=10.0, end=11.0, ports={8000: 50})
    found = audit([old, replace(entry("b", 6, range(50, 60)), begin=20.0, end=21.0)], RINGS, began=15.0)
    assert found.is_exact
    assert (found.before, found.turns, found.workers, found.missing) == (50, 10, 1, 0)
    assert not audit([old], RINGS, began=5.0).is_exact


def test_a_version_that_was_given_out_again_says_nothing_of_turns_before_that() -> None:
    """A Redis that took over, or was restored, gives the same versions to other rings."""
    old = replace(entry("a", 5, range(10)), begin=10.0, ports={8000: 10})
    found = audit([old, replace(entry("a", 5, range(10, 16)), begin=20.01)], RINGS, births={5: 20.05})
    assert found.is_exact
    assert (found.turns, found.unknown) == (6, 10)


def test_turns_of_rings_that_were_lost_may_have_been_claimed_again() -> None:
    """Redis came back empty, and a worker that knew of fewer turns was the first to claim."""
    found = audit([replace(entry("a", 5, range(100)), version=4), entry("b", 5, range(90, 110))], RINGS)
    assert found.is_exact
    assert (found.unknown, found.twice, found.missing) == (100, 0, 0)


def test_a_turn_that_waited_for_a_container_is_told_again_and_used_once() -> None:
    waited = replace(entry("a", 5, range(10)), turns=[range(10), range(10, 11)], unused=[10])
    found = audit([waited, entry("a", 6, range(10, 14))], RINGS)
    assert found.is_exact
    assert (found.unused, found.twice) == (1, 0)
    both = audit([waited, entry("a", 6, range(10, 14)), entry("b", 6, range(10, 11))], RINGS)
    assert (both.twice, both.is_exact) == (1, False)


def test_nothing_is_exact() -> None:
    assert audit([], RINGS) == Audit({}, {})
