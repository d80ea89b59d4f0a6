"""Polls second by second: virtual time, real Redis, the real table and orders, answers as they are told."""

import logging
import threading

import pytest
from sick_servers import CRASHED, OK, STORELESS, hangs, says

from deploy.container_state import State
from deploy.daemon_beat import read as read_beat
from lb.events import Kind
from lb.redis_client import connect
from monitor.hold import read as read_hold
from monitor.poller import Poller
from monitor.probe import Outcome, Probe
from monitor.probes import Probes

WELL = Probe(Outcome.ANSWERED, 200, detail="answered 200")
ILL = Probe(Outcome.ANSWERED, 500, detail="answered 500")
GONE = Probe(Outcome.REFUSED, detail="refused the connection")
LATE = Probe(Outcome.TIMED_OUT, detail="no answer within 0.8 s")
NO_STORE = Probe(Outcome.ANSWERED, 500, detail="answered 500", store_unreachable=True)


def test_healthy_containers_are_left_alone(ward):
    ward.start(8000, 8001)
    assert [ward.poll() for _ in range(5)] == [[]] * 5
    assert ward.ring() == [8000, 8001]


@pytest.mark.parametrize("answer", [ILL, GONE])
def test_a_crashed_container_leaves_the_ring_and_is_relaunched_on_its_port(ward, answer):
    ward.start(8000, 8001, 8002)
    assert ward.poll(p8001=answer) == [8001]
    assert ward.ring() == [8000, 8002]
    assert ward.table.get(8001).state is State.SICK
    assert ward.told(Kind.SICK) == [answer.detail]


def test_a_hanging_container_is_relaunched_after_its_second_time_out(ward):
    ward.start(8000, 8001)
    assert [ward.poll(p8001=LATE), ward.poll()] == [[], [8001]]


def test_a_busy_moment_is_forgiven(ward):
    ward.start(8000)
    assert [ward.poll(p8000=LATE), ward.poll(p8000=WELL), ward.poll(p8000=LATE)] == [[], [], []]


def test_a_relaunched_container_starts_with_a_clean_history(ward):
    ward.start(8000, 8001)
    ward.poll(p8001=LATE)
    ward.poll()
    ward.relaunched(8001)
    assert [ward.poll(), ward.poll()] == [[], [8001]]


@pytest.mark.parametrize("state", [State.SICK, State.DRAINING])
def test_only_running_containers_are_judged(ward, state):
    ward.start(8000, 8001)
    ward.move(8001, state)
    assert ward.poll(p8001=ILL) == []


def test_all_that_crashed_are_relaunched_in_one_poll(ward):
    ward.start(8000, 8001, 8002)
    assert sorted(ward.poll(p8000=ILL, p8001=GONE, p8002=ILL)) == [8000, 8001, 8002]
    assert ward.ring() == []


def test_a_verdict_on_one_that_was_relaunched_meanwhile_is_dropped(ward):
    ward.start(8000)

    def answer_late(containers):
        [container] = containers
        ward.move(8000, State.SICK)
        ward.relaunched(8000)
        yield container, ILL

    ward.poll()
    ward.ask = answer_late
    assert ward.poll() == []
    assert ward.ring() == [8000]


class TestASharedCause:
    """What restarts do not heal is held, said once, and told when it is over."""

    def test_while_the_store_is_away_all_stay_in_the_ring(self, ward):
        ward.start(8000, 8001)
        assert [ward.poll(p8000=NO_STORE, p8001=NO_STORE) for _ in range(10)] == [[]] * 10
        assert ward.ring() == [8000, 8001]

    def test_it_is_one_event_and_shown_while_it_lasts(self, ward):
        ward.start(8000)
        for _ in range(10):
            ward.poll(p8000=NO_STORE)
        assert ward.told(Kind.HELD) == ["the store is unreachable; nothing is relaunched until it answers"]
        assert read_hold(ward.redis, "acts").since == ward.now - 9
        assert read_beat(ward.redis, "acts", "monitor").trouble.startswith("the store is unreachable")

    def test_its_end_is_one_event_and_judging_goes_on(self, ward):
        ward.start(8000, 8001)
        ward.poll(p8000=NO_STORE, p8001=NO_STORE)
        assert ward.poll(p8000=WELL, p8001=ILL) == [8001]
        ward.relaunched(8001)
        ward.poll(p8001=WELL)
        assert len(ward.told(Kind.RECOVERED)) == 1
        assert read_hold(ward.redis, "acts") is None

    def test_a_crash_meanwhile_waits(self, ward):
        ward.start(8000, 8001)
        assert ward.poll(p8000=NO_STORE, p8001=GONE) in ([], [8001])  # nobody had said yet that the store is away
        ward.start(8002)
        assert ward.poll(p8002=GONE) == []

    def test_a_monitor_that_died_while_holding_is_followed_by_one_that_ends_it(self, ward):
        ward.start(8000)
        ward.poll(p8000=NO_STORE)
        ward.poller = ward.another_poller()
        ward.poll()
        assert len(ward.told(Kind.HELD)) == 1
        ward.poller = ward.another_poller()
        ward.poll(p8000=WELL)
        assert read_hold(ward.redis, "acts") is None

    def test_containers_that_are_all_late_are_relaunched_one_by_one(self, ward):
        ward.start(8000, 8001, 8002)
        late = {"p8000": LATE, "p8001": LATE, "p8002": LATE}
        assert [ward.poll(**late) for _ in range(4)] == [[], [8000], [], []]
        ward.relaunched(8000)
        assert ward.poll(p8000=WELL) == [8001, 8002]


class TestAHoldWhileNothingIsRunning:
    """It ends when somebody who is up reaches the store, or when nobody is left who could ever tell."""

    def held(self, ward) -> bool:
        return read_hold(ward.redis, "acts") is not None

    def test_the_only_container_is_drained_by_hand_and_reaches_the_store(self, ward):
        ward.start(8000)
        ward.poll(p8000=NO_STORE)
        ward.move(8000, State.DRAINING, parked=1)
        ward.poll()
        assert self.held(ward)
        assert read_beat(ward.redis, "acts", "monitor").trouble.startswith("the store is unreachable")
        ward.poll(p8000=WELL)
        assert not self.held(ward)
        assert len(ward.told(Kind.RECOVERED)) == 1
        assert read_beat(ward.redis, "acts", "monitor").trouble == ""

    def test_one_that_is_relaunched_meanwhile_tells_before_it_has_joined(self, ward):
        ward.start(8000)
        ward.poll(p8000=NO_STORE)
        ward.move(8000, State.SICK)
        ward.poll()
        ward.move(8000, State.STARTING)
        assert [ward.poll(), self.held(ward)] == [[], True]
        assert [ward.poll(p8000=WELL), self.held(ward)] == [[], False]

    def test_one_that_is_late_says_nothing_of_the_store(self, ward):
        ward.start(8000)
        ward.poll(p8000=NO_STORE)
        ward.move(8000, State.SICK)
        ward.move(8000, State.STARTING)
        for _ in range(4):
            assert ward.poll(p8000=LATE) == []
        assert self.held(ward)

    @pytest.mark.parametrize("then", ["gone", State.FAILED])
    def test_when_nobody_is_left_or_coming_nothing_is_held(self, ward, then):
        ward.start(8000)
        ward.poll(p8000=NO_STORE)
        if then == "gone":
            ward.move(8000, State.DRAINING)
            ward.move(8000, State.STOPPING)
            assert ward.table.remove(ward.table.get(8000), now=ward.now, reason="test", by="test")
        else:
            ward.move(8000, State.SICK)
            ward.move(8000, State.FAILED)
        ward.poll()
        assert not self.held(ward)

    def test_another_monitor_ends_what_the_one_before_held(self, ward):
        ward.start(8000)
        ward.poll(p8000=NO_STORE)
        ward.move(8000, State.DRAINING, parked=1)
        ward.poller = ward.another_poller()
        ward.poll(p8000=WELL)
        assert not self.held(ward)

    def test_nobody_is_asked_where_nothing_is_held(self, ward):
        ward.start(8000)
        ward.move(8000, State.DRAINING, parked=1)
        ward.ask = lambda containers: pytest.fail("nobody is to be asked")
        ward.poll()


def test_a_round_that_says_nothing_ends_no_hold(ward):
    """One that is late, or that we could not ask, has not said that the store is there again."""
    ward.start(8000)
    ward.poll(p8000=NO_STORE)
    ward.poll(p8000=Probe(Outcome.UNKNOWN, detail="could not be probed: too many open files"))
    ward.poll(p8000=LATE)
    assert read_hold(ward.redis, "acts")
    assert read_beat(ward.redis, "acts", "monitor").trouble.startswith("the store is unreachable")
    ward.poll(p8000=NO_STORE)
    ward.poll(p8000=WELL)
    assert (len(ward.told(Kind.HELD)), len(ward.told(Kind.RECOVERED))) == (1, 1)


class TestWithoutRedis:
    """Nobody relaunches on what he cannot read."""

    def test_a_poll_does_nothing_and_says_so_once(self, ward, caplog):
        nowhere = connect("unix:///nowhere/redis.sock")
        blind = Poller(nowhere, ward.service, type(ward.table)(nowhere, ward.service), ward.orders, ward)
        with caplog.at_level(logging.WARNING):
            for second in range(3):
                blind.timer(ward.now + second)
        assert len(caplog.records) == 1
        assert "REDIS_URL" in caplog.text

    def test_the_return_is_an_event(self, ward):
        ward.start(8000)
        ward.redis.config_set("maxmemory", 1)
        ward.poll()
        ward.redis.config_set("maxmemory", 0)
        ward.poll()
        ward.poll()
        assert ward.told(Kind.RECOVERED) == ["Redis could not be used for 1 s; nothing is relaunched meanwhile"]


def test_two_monitors_order_one_relaunch(ward):
    ward.start(8000, 8001)
    ward.poll(p8001=ILL)
    gate = threading.Barrier(2)
    ward.relaunched(8001)
    ward.jobs.clear()

    def poll(poller):
        gate.wait(5)
        poller.timer(ward.now)

    threads = [threading.Thread(target=poll, args=[ward.another_poller()]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert ward.jobs == [("relaunch_port", 8001)]
    assert ward.told(Kind.SICK) == ["answered 500"] * 2


def test_every_poll_is_a_sign_of_life_also_without_containers(ward):
    ward.poll()
    beat = read_beat(ward.redis, "acts", "monitor")
    assert (beat.beat, beat.trouble) == (ward.now, "")


def test_real_servers_are_judged_by_what_they_really_answer(ward, serve):
    servers = {8000: OK, 8001: CRASHED, 8002: OK}
    for port, answer in servers.items():
        ward.start(port, address=serve(says(answer)).address)
    ward.start(8003, address=serve(hangs).address)
    probes = Probes("/", 0.3, 10)
    ward.poller = Poller(ward.redis, ward.service, ward.table, ward.orders, probes)
    assert [sorted(ward.poll()) for _ in range(3)] == [[8001], [8003], []]
    assert ward.ring() == [8000, 8002]
    probes.close()


def test_real_servers_that_all_miss_the_store_are_held(ward, serve):
    for port in (8000, 8001):
        ward.start(port, address=serve(says(STORELESS)).address)
    probes = Probes("/", 1.0, 10)
    ward.poller = Poller(ward.redis, ward.service, ward.table, ward.orders, probes)
    assert [ward.poll() for _ in range(3)] == [[], [], []]
    assert ward.told(Kind.HELD)
    probes.close()
