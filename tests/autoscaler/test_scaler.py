"""Ticks through minutes in milliseconds: virtual time, real Redis, the real table and orders."""

import logging
import threading

import pytest

from autoscaler import compared, decision_log, override
from autoscaler.memory import since_key
from autoscaler.policy import Policy
from autoscaler.scaler import Scaler
from deploy.container_state import State
from deploy.daemon_beat import read as read_beat
from lb import events
from lb.events import Kind
from lb.request_window import requests_key


def test_the_first_tick_of_an_empty_service_launches_the_first_container(world):
    world.tick()
    assert world.ports(State.STARTING) == [8000]
    assert world.queue.jobs == [("launch", 8000)]


def test_twenty_requests_bring_a_second_container_and_forty_a_third(world):
    world.live(2)
    world.come(19)
    assert world.live(2) == [1, 1]
    world.come(1)
    assert world.live(1) == [2]
    world.come(20)
    assert world.live(1) == [3]


def test_a_burst_brings_all_containers_in_one_tick(world):
    world.live(1)
    world.come(400)
    world.tick()
    assert world.ports() == list(range(8000, 8010))


def test_requests_that_left_the_window_do_not_count(old_world):
    old_world.come(50, at=old_world.now - 120)
    old_world.come(19, at=old_world.now - 119.9)
    assert old_world.tick().measured.count == 19


def test_quiet_brings_it_back_to_one_when_the_stabilization_is_over(old_world):
    old_world.come(45)
    seen = old_world.live(245)
    # 120 s while the requests are in the window, then 120 s in which three were wanted less than 120 s ago.
    assert seen[:239] == [3] * 239
    assert seen[239:] == [1] * 6


def test_down_takes_the_highest_ports(old_world):
    old_world.come(45)
    old_world.live(239)
    old_world.tick()
    assert old_world.ports(State.RUNNING) == [8000]
    assert old_world.ports(State.DRAINING) == [8001, 8002]
    assert old_world.queue.jobs[-2:] == [("stop", 8002), ("stop", 8001)]


def test_a_container_that_is_draining_is_taken_back_when_requests_come(old_world):
    old_world.come(25)
    old_world.live(239)
    old_world.tick()
    assert old_world.ports(State.DRAINING) == [8001]
    old_world.come(25)
    old_world.now += 1
    old_world.tick()
    assert old_world.ports(State.RUNNING) == [8000, 8001]


@pytest.mark.parametrize("state", [State.STARTING, State.SICK, State.FAILED])
def test_a_container_that_is_not_well_is_not_replaced_by_another(world, state):
    world.tick()
    if state is not State.STARTING:
        world.move(8000, state)
    world.now += 1
    world.tick()
    assert world.ports() == [8000]


def test_nothing_is_ever_ordered_above_the_maximum_or_below_one(redis_client, world):
    world.come(1_000)
    assert max(world.live(3)) == 10
    redis_client.delete(requests_key("acts"))
    assert min(world.live(245)) == 1


def test_a_stopping_container_is_waited_for_and_its_port_used_again(world):
    world.live(1)
    world.come(20)
    world.tick()
    world.move(8001, State.STOPPING)
    world.now += 1
    world.tick()
    assert world.ports() == [8000, 8001]
    world.remove(8001)
    world.now += 1
    world.tick()
    assert world.ports(State.STARTING) == [8001]


def test_the_operators_number_is_obeyed_at_once_and_given_back(old_world):
    override.set_number(old_world.redis, old_world.service, 4, "ann")
    assert old_world.live(2) == [4, 4]
    override.set_number(old_world.redis, old_world.service, None, "ann")
    assert old_world.live(1) == [1]


def test_the_operators_number_overrules_what_requests_want(world):
    override.set_number(world.redis, world.service, 2, "ann")
    world.come(500)
    assert world.live(3) == [2, 2, 2]


def test_old_requests_are_trimmed_from_the_window(world):
    world.come(30)
    world.live(1)
    world.now += 120
    world.come(2)
    world.live(1)
    assert world.redis.zcard(requests_key("acts")) == 2


@pytest.fixture
def full(world):
    """The world's Redis has no memory left for anything new."""
    yield lambda: world.redis.config_set("maxmemory", 1)
    world.redis.config_set("maxmemory", 0)


def test_old_requests_make_room_in_a_redis_that_is_full(world, full):
    world.come(30)
    world.live(1)
    world.now += 120
    full()
    assert world.scaler.tick(world.now) is None
    assert world.redis.zcard(requests_key("acts")) == 0


def test_while_redis_is_full_nothing_is_scaled_and_afterwards_it_goes_on(world, full):
    world.live(1)
    world.come(30)
    full()
    assert [world.scaler.tick(world.now) for _ in range(3)] == [None] * 3
    assert world.ports() == [8000]
    world.redis.config_set("maxmemory", 0)
    world.tick()
    assert world.ports() == [8000, 8001]


def test_every_tick_is_journalled_with_what_it_saw(world):
    world.live(1)
    world.come(41)
    world.live(2)
    first, second, third = decision_log.read(world.redis, "acts", 0)
    assert (first.count, first.states, first.plan) == (0, {}, "launch 8000")
    assert (second.count, second.running, second.wanted, second.target) == (41, 1, 3, 3)
    assert second.plan == "launch 8001, launch 8002"
    assert second.reason == "41 requests in the last 120 s want 3 (20 per container)"
    assert (third.running, third.plan, third.policy) == (3, "", Policy())


def test_scaling_is_an_event_with_its_reason(world):
    world.live(1)
    world.come(41)
    world.live(3)
    scaled = [event for event in events.read(world.redis, "acts") if event.kind is Kind.SCALED]
    assert [event.who for event in scaled] == ["autoscaler", "autoscaler"]
    assert scaled[1].reason == (
        "1 → 3 (launch 8001, launch 8002): 41 requests in the last 120 s want 3 (20 per container)"
    )


def test_every_tick_is_a_sign_of_life(world):
    world.tick()
    assert read_beat(world.redis, "acts", "autoscaler").beat == world.now


class TestUnknownIsNotZero:
    """What cannot be read or was not measured never goes down."""

    def test_without_redis_a_tick_holds_and_says_so_once(self, world, unreachable, caplog):
        blind = Scaler(unreachable, world.service, world.policy, world.table, world.orders)
        with caplog.at_level(logging.WARNING):
            assert [blind.tick(world.now + second) for second in range(3)] == [None, None, None]
        assert len(caplog.records) == 1
        assert "REDIS_URL" in caplog.text
        assert world.ports() == []

    def test_a_full_redis_holds_too(self, world):
        world.live(1)
        world.come(25)
        world.redis.config_set("maxmemory", 1)
        try:
            assert world.scaler.tick(world.now) is None
        finally:
            world.redis.config_set("maxmemory", 0)
        assert world.ports() == [8000]
        assert world.live(1) == [2]

    def test_the_end_of_holding_is_an_event_that_tells_how_long_it_was(self, world):
        world.live(1)
        world.redis.config_set("maxmemory", 1)
        world.scaler.tick(world.now)
        world.redis.config_set("maxmemory", 0)
        world.now += 12
        world.live(2)
        told = [event for event in events.read(world.redis, "acts") if event.kind is Kind.RECOVERED]
        assert [event.seconds for event in told] == [12.0]

    def test_after_an_outage_it_does_not_go_down_for_a_window_because_records_may_still_come(self, world):
        world = type(world)(world.redis, Policy(window=60, stabilization=2))
        world.live(70)
        world.come(65)
        assert world.live(2) == [4, 4]
        world.redis.config_set("maxmemory", 1)
        world.scaler.tick(world.now)
        world.redis.config_set("maxmemory", 0)
        world.now += 70
        assert set(world.live(60)) == {4}
        assert world.live(3)[-1] == 1

    def test_after_redis_lost_the_window_it_goes_up_but_not_down_for_a_window(self, old_world):
        old_world.come(65)
        assert old_world.live(2) == [4, 4]
        old_world.redis.delete(requests_key("acts"), since_key("acts"), "acts:wanted")
        assert set(old_world.live(120)) == {4}
        old_world.come(85)
        assert old_world.live(1) == [5]

    def test_after_redis_lost_the_window_it_does_go_down_in_the_end(self, old_world):
        old_world.come(65)
        old_world.live(2)
        old_world.redis.delete(requests_key("acts"), since_key("acts"), "acts:wanted")
        seen = old_world.live(242)
        assert (seen[0], seen[-1]) == (4, 1)

    def test_an_autoscaler_that_was_away_for_minutes_does_not_go_down_at_once(self, old_world):
        old_world.come(65)
        old_world.live(2)
        old_world.now += 600
        assert set(old_world.live(120)) == {4}
        assert old_world.live(1) == [1]

    def test_an_autoscaler_that_was_killed_goes_on_where_the_last_one_was(self, old_world):
        old_world.come(45)
        first = old_world.live(100)
        old_world.scaler = old_world.another_scaler()
        second = old_world.live(139)
        old_world.scaler = old_world.another_scaler()
        assert first + second + old_world.live(1) == [3] * 239 + [1]

    def test_until_the_table_is_compared_with_what_runs_nothing_is_ordered(self, world):
        world.redis.flushall()
        assert world.live(3) == [0, 0, 0]
        [entry] = decision_log.last_before(world.redis, "acts", world.now)
        assert entry.plan == "waiting until the table has been compared with what runs"
        compared.mark(world.redis, "acts", world.now)
        assert world.live(1) == [1]

    def test_without_any_monitor_it_goes_on_after_a_while(self, world):
        world.redis.flushall()
        assert world.live(11) == [0] * 10 + [1]


class TestTwoAutoscalers:
    """Two that were started by mistake do no harm."""

    def test_ticking_at_once_they_order_everything_once(self, world):
        world.live(1)
        world.come(95)
        together(lambda: world.another_scaler().tick(world.now), 4)
        assert world.ports() == [8000, 8001, 8002, 8003, 8004]
        assert sorted(world.queue.jobs) == [("launch", port) for port in range(8000, 8005)]

    def test_their_journal_holds_every_tick_of_both(self, world):
        together(lambda: world.another_scaler().tick(world.now), 4)
        assert len(list(decision_log.read(world.redis, "acts", 0))) == 4

    def test_through_a_quiet_hour_they_agree(self, old_world):
        other = old_world.another_scaler()
        old_world.come(45)
        seen = []
        for _ in range(245):
            together(lambda: other.tick(old_world.now), 1)
            seen += old_world.live(1)
        assert seen == [3] * 239 + [1] * 6


def together(act, how_many):
    """Run `act` in threads at once; what one raises, fails the test by pytest's thread-exception warning."""
    gate = threading.Barrier(how_many)

    def run():
        gate.wait(5)
        act()

    threads = [threading.Thread(target=run) for _ in range(how_many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
