"""The journal of decisions, on a real Redis."""

from dataclasses import replace

import pytest
import redis

from autoscaler.decision_log import (
    APPEND_LUA,
    PAGE,
    Entry,
    Shadow,
    backwards,
    decisions_key,
    entry_for,
    last_before,
    queue_append,
    read,
)
from autoscaler.plan import plan
from autoscaler.policy import Measured, Policy, decide
from deploy.container_state import State

STATES = {8000: State.RUNNING, 8001: State.STARTING, 8002: State.DRAINING}


def entry(at: float, count: int = 45, fixed: int | None = None) -> Entry:
    decision, _ = decide(Measured(at, count, 500.25, 2, fixed), {4: at - 60.1}, Policy(window=60))
    return entry_for(decision, STATES, plan(STATES, decision.target, 8000))


def append(client: redis.Redis, *written: Entry) -> None:
    pipe = client.pipeline()
    for one in written:
        queue_append(pipe, "acts", one)
    pipe.execute()


@pytest.mark.parametrize("fixed", [None, 3])
def test_an_entry_is_read_back_as_it_was_written(redis_client: redis.Redis, fixed: int | None) -> None:
    written = entry(1700000000.123457, fixed=fixed)
    append(redis_client, written)
    assert list(read(redis_client, "acts", 0)) == [written]


def test_what_only_some_policies_need_is_read_back_too(redis_client: redis.Redis) -> None:
    shadow = Shadow(2, 3, Policy(window=30, up_step=1))
    written = replace(entry(1700000000.5), in_flight=7, shadow=shadow)
    append(redis_client, written)
    assert list(read(redis_client, "acts", 0)) == [written]


def test_an_entry_tells_what_the_rule_was_given(redis_client: redis.Redis) -> None:
    assert entry(9.0, 45, 3).measured == Measured(9.0, 45, 500.25, 2, 3)
    assert entry(9.0).running == 1


def test_entries_are_readable_by_hand(redis_client: redis.Redis) -> None:
    append(redis_client, entry(100.5))
    [(name, fields)] = redis_client.xrange(decisions_key("acts"))
    assert name == "100500-0"
    assert fields["containers"] == "8000=running 8001=starting 8002=draining"
    assert fields["plan"] == "take back 8002, launch 8003"
    assert fields["reason"].startswith("45 requests in the last 60 s want 3")


def test_entries_are_found_by_time(redis_client: redis.Redis) -> None:
    append(redis_client, *(entry(float(at)) for at in range(100, 110)))
    assert [found.at for found in read(redis_client, "acts", 104, 106)] == [104, 105, 106]
    assert [found.at for found in last_before(redis_client, "acts", 105.5, 2)] == [105, 104]
    assert last_before(redis_client, "acts", 99) == []


def test_entries_are_read_backwards_over_pages(redis_client: redis.Redis) -> None:
    append(redis_client, *(entry(float(at)) for at in range(100, 110)))
    assert [found.at for found in backwards(redis_client, "acts", 107, page=3)] == [
        107,
        106,
        105,
        104,
        103,
        102,
        101,
        100,
    ]


def test_more_than_a_page_is_read_in_order(redis_client: redis.Redis) -> None:
    first = entry(0.5)
    append(redis_client, *(replace(first, at=float(at)) for at in range(PAGE + 5)))
    assert [found.at for found in read(redis_client, "acts", 0)] == list(range(PAGE + 5))


def test_two_entries_of_one_instant_are_both_kept(redis_client: redis.Redis) -> None:
    append(redis_client, entry(100.0, 1), entry(100.0, 2), entry(99.0, 3))
    assert [found.count for found in read(redis_client, "acts", 0)] == [1, 2, 3]


def test_the_journal_is_capped(redis_client: redis.Redis) -> None:
    for at in range(1, 400):
        redis_client.eval(APPEND_LUA, 1, decisions_key("acts"), "100", f"{at}-0", "at", str(at))
    assert 100 <= redis_client.xlen(decisions_key("acts")) < 300
