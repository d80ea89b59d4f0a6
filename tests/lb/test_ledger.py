"""The ledger: turns as ranges, shares done again, and real workers whose entries must fit to the turn."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest
import redis
from helpers import eventually
from hypothesis import given
from hypothesis import strategies as st
from rig import Backend, RunningProxy, request

from lb.counters import PortCounts
from lb.ledger import MAX_RANGES, Entry, Ledger, read, shares, text_of, turns_of
from lb.redis_client import connect
from lb.ring import Member, Ring, history, return_port

THREE = Ring(7, (Member(8000, "a:1"), Member(8001, "b:1"), Member(8002, "c:1")))
RANGES = st.lists(st.integers(1, 10**6), max_size=40).map(lambda gaps: [sum(gaps[: n + 1]) for n in range(len(gaps))])


@given(RANGES.filter(lambda ends: len(ends) % 2 == 0))
def test_ranges_are_read_as_they_were_written(ends: list[int]) -> None:
    pairs = zip(ends[::2], ends[1::2], strict=True)
    assert turns_of(text_of(ends)) == [range(first, end) for first, end in pairs]


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 50)), max_size=5), st.integers(0, 3))
def test_shares_are_what_going_through_every_turn_gives(starts: list[tuple[int, int]], size: int) -> None:
    ring = Ring(1, THREE.members[:size])
    turns = [range(first, first + count) for first, count in starts]
    each = Counter(return_port(ring, turn) for some in turns for turn in some) if size else Counter()
    assert +shares(ring, turns) == +each


def test_an_entry_expects_second_tries_elsewhere_and_nothing_of_unused_turns() -> None:
    entry = Entry(
        "w",
        begin=0.0,
        end=1.0,
        version=7,
        degraded=False,
        turns=[range(6)],
        ports={},
        retries=[(4, 8002, (8001,))],  # of 8000 and 8002 the turn 4 falls to 8000
        unused=[5],
        lost=0,
    )
    assert entry.expected(THREE) == {8000: 3, 8001: 1, 8002: 1}


def test_a_turn_that_has_waited_again_and_again_is_expected_once() -> None:
    """Each time that nobody could be reached it came to nothing, and was added again."""
    turns = [range(6), range(5, 6), range(5, 6)]
    entry = Entry("w", 0.0, 1.0, 7, False, turns, ports={}, retries=[], unused=[5, 5], lost=0)
    assert entry.expected(THREE) == {8000: 2, 8001: 2, 8002: 2}


def test_turns_that_follow_each_other_are_one_range_and_there_are_not_too_many(redis_client: redis.Redis) -> None:
    ledger = Ledger("w", {8000: PortCounts()}, 0.0)
    assert ledger.close("acts", 7, 1.0) is None
    ledger.add(1, 5)
    ledger.add(5, 9)
    for first in range(10, 10 + 2 * MAX_RANGES, 2):
        ledger.add(first, first + 1)
    command = ledger.close("acts", 7, 2.0)
    assert command is not None
    redis_client.execute_command(*command)
    (entry,) = read(redis_client, "acts", 0.0)
    assert (entry.turns[0], len(entry.turns), entry.lost) == (range(1, 9), MAX_RANGES, 1)
    assert (entry.begin, entry.end, entry.version) == (1.0, 2.0, 7)


@pytest.mark.parametrize("dead", [False, True])
def test_every_turn_of_real_workers_is_where_it_belongs(
    make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy], dead: bool
) -> None:
    backends = [make_backend() for _ in range(3)]
    proxy = make_proxy(*backends, LB_WORKERS=2)
    if dead:
        backends[1].close()

    def client() -> None:
        with proxy.connect() as wire:
            for _ in range(60):
                wire.send(request("GET", "/api/v1/x"))
                assert wire.answer().status == 200

    for ring in (backends, backends[:2], backends[1:]):
        proxy.set_ring(*ring)
        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with connect(proxy.redis_url) as redis_client:

        def told() -> list[Entry]:
            entries = read(redis_client, proxy.service, 0.0)
            assert sum(map(len, (turns for entry in entries for turns in entry.turns))) == last_turn()
            return entries

        def last_turn() -> int:
            return int(redis_client.get(f"{proxy.service}:turn"))

        entries = eventually(told)
        rings = {ring.version: ring for _, ring in history(redis_client, proxy.service)}
    assert last_turn() >= 720
    seen = [turn for entry in entries for turns in entry.turns for turn in turns]
    assert sorted(seen) == list(range(1, last_turn() + 1))
    assert {entry.lost for entry in entries} == {0}
    assert [dict(entry.ports) for entry in entries] == [entry.expected(rings[entry.version]) for entry in entries]
    assert any(entry.retries for entry in entries) is dead
