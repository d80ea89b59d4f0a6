"""What proxies send: the bytes that the data path makes."""

import pytest
from bench.scale import claims
from hiredis import Reader


def commands(batch: claims.Batch) -> list[list[bytes]]:
    """The commands in it: as many as it says that there will be answers."""
    reader = Reader()
    reader.feed(batch.packed)
    found = [reader.gets() for _ in range(batch.answers)]
    assert reader.gets() is False
    return found


def test_a_claim_alone_is_the_turn_and_the_version() -> None:
    names = [command[:2] for command in commands(claims.claims_only(1, 28)(0))]
    assert names == [[b"INCRBY", b"acts:turn"], [b"GET", b"acts:ring:version"]]


def test_every_request_is_recorded_by_a_name_of_its_own() -> None:
    following = claims.recorded(2, 3)
    written = [commands(following(connection))[-1] for connection in (0, 1, 0)]
    names = [name for command in written for name in command[3::2]]
    assert len(set(names)) == len(names) == 9


def test_slots_are_counted_by_one_number() -> None:
    assert commands(claims.in_slots(1, 30)(0))[-1][0::3] == [b"HINCRBY", b"30"]


@pytest.mark.parametrize("following", [claims.ring_reads(), claims.beats(3, 10), claims.ledger_entries(100, 10)])
def test_the_number_of_answers_is_told(following: claims.Next) -> None:
    assert commands(following(0))
