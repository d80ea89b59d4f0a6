"""Redis away, back, and back without its memory: real workers, a Redis that is killed, stopped and flushed."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Self, cast

import pytest
from helpers import eventually
from real_redis import RedisServer, start_redis
from rig import Backend, RunningProxy, request

from lb.counters import Counters
from lb.dispatcher import Dispatcher
from lb.events import Kind, read
from lb.heartbeat import WorkerBeat
from lb.redis_client import connect
from lb.redis_link import RedisError
from lb.redis_place import RedisPlace
from lb.redis_url import RedisAddress
from lb.request_window import requests_key
from lb.ring import Ring, ring_key, version_key
from lb.turns import turn_key

MakeBackend = Callable[..., Backend]
MakeProxy = Callable[..., RunningProxy]


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that may be killed."""
    server = start_redis(tmp_path_factory.mktemp("r"))
    yield server
    server.process.send_signal(signal.SIGCONT)
    server.process.kill()
    server.process.wait(10)


def restarted(server: RedisServer) -> RedisServer:
    """The same addresses, another process without memory; of two --port options the last one wins."""
    return replace(start_redis(server.socket_path.parent, "--port", str(server.port)), port=server.port)


def wait_degraded(proxy: RunningProxy, times: int = 1) -> None:
    """Until the worker has said so."""
    eventually(lambda: proxy.log().count("Degraded") >= times)


def wait_recovered(proxy: RunningProxy, times: int = 1) -> None:
    """Until the worker has said so."""
    eventually(lambda: proxy.log().count("Recovered") >= times)


def test_workers_go_on_without_redis_and_catch_up(
    own_redis: RedisServer, make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(make_backend(), make_backend(), make_backend(), redis_url=own_redis.tcp_url)
    assert proxy.get().status == 200
    own_redis.process.kill()
    own_redis.process.wait(10)
    answers = [proxy.get() for _ in range(9)]
    assert {answer.status for answer in answers} == {200}
    servers = [int(answer.server) for answer in answers]
    assert all(after == before % 3 + 1 for before, after in pairwise(servers))
    wait_degraded(proxy)
    again = restarted(own_redis)
    try:
        wait_recovered(proxy)
        with connect(again.tcp_url) as client:
            eventually(lambda: client.zcard(requests_key(proxy.service)) >= 9)
            assert client.zcard(requests_key(proxy.service)) == 9
            # The turn goes on from the highest that was used, never back.
            used = int(client.get(turn_key(proxy.service)) or 0)
            assert used >= 10
            assert [event.kind for event in read(client, proxy.service)] == [Kind.DEGRADED, Kind.RECOVERED]
            # The last ring stays although this Redis has none.
            assert proxy.get().status == 200
            assert int(client.get(turn_key(proxy.service)) or 0) == used + 1
            # And a new one is followed.
            version = proxy.set_ring(make_backend())
            eventually(lambda: proxy.acted_on(version))
            assert proxy.get().server == "1"
    finally:
        again.process.kill()
        again.process.wait(10)


def test_a_redis_that_hangs_is_given_up_and_used_again(
    own_redis: RedisServer, make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(make_backend(), redis_url=own_redis.url)
    own_redis.process.send_signal(signal.SIGSTOP)
    assert proxy.get().status == 200
    wait_degraded(proxy)
    assert proxy.get().status == 200
    own_redis.process.send_signal(signal.SIGCONT)
    wait_recovered(proxy)
    with connect(own_redis.url) as client:
        eventually(lambda: client.zcard(requests_key(proxy.service)) == 2)


def test_a_redis_that_is_full_costs_no_request_and_gets_what_it_refused_when_there_is_room(
    own_redis: RedisServer, make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(make_backend(), make_backend(), make_backend(), redis_url=own_redis.url)
    assert proxy.get().status == 200
    with connect(own_redis.url) as client:
        client.config_set("maxmemory", 1)
        answers = [proxy.get() for _ in range(9)]
        assert {answer.status for answer in answers} == {200}
        servers = [int(answer.server) for answer in answers]
        assert all(after == before % 3 + 1 for before, after in pairwise(servers))
        wait_degraded(proxy)
        assert "it is full: give it more memory" in proxy.log()
        assert client.zcard(requests_key(proxy.service)) == 1
        client.config_set("maxmemory", 0)
        wait_recovered(proxy)
        eventually(lambda: client.zcard(requests_key(proxy.service)) == 10)
        assert proxy.get().status == 200
        assert int(client.get(turn_key(proxy.service)) or 0) >= 11


def test_a_worker_that_starts_while_redis_is_full_serves_by_the_ring_that_it_reads(
    own_redis: RedisServer, make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(make_backend(), make_backend(), redis_url=own_redis.url)
    with connect(own_redis.url) as client:
        client.config_set("maxmemory", 1)
        proxy.signal(signal.SIGHUP)
        wait_degraded(proxy)
        assert [proxy.get().status for _ in range(10)] == [200] * 10


def test_a_redis_that_is_now_full_and_now_not_costs_no_request_and_counts_each_once(
    own_redis: RedisServer, make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(make_backend(), make_backend(), redis_url=own_redis.url)
    with connect(own_redis.url) as client:
        statuses = []
        for number in range(60):
            if number % 10 == 0:
                client.config_set("maxmemory", number // 10 % 2)  # 1: full, 0: no bound
            method, fields = ("POST", ("Content-Length: 0",)) if number % 5 == 0 else ("GET", ())
            statuses.append(proxy.talk(request(method, "/api/v1/x", *fields)).status)
            time.sleep(0.02)
        client.config_set("maxmemory", 0)
        assert statuses == [200] * 60
        eventually(lambda: client.zcard(requests_key(proxy.service)) == 60)


def test_a_redis_that_answered_while_the_worker_stood_still_has_not_hung(
    own_redis: RedisServer, make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(make_backend(), redis_url=own_redis.url)
    worker = proxy.beats()[0].pid
    with proxy.connect() as wire:
        own_redis.process.send_signal(signal.SIGSTOP)
        wire.send(request("GET", "/api/v1/x"))
        time.sleep(0.2)  # the claim is on its way
        os.kill(worker, signal.SIGSTOP)
        own_redis.process.send_signal(signal.SIGCONT)
        time.sleep(1.5)
        os.kill(worker, signal.SIGCONT)
        assert wire.answer().status == 200
    assert "Degraded" not in proxy.log()


def test_a_redis_that_was_flushed_keeps_turns_going_forward(
    own_redis: RedisServer, make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(make_backend(), make_backend(), redis_url=own_redis.url)
    with proxy.connect() as wire, connect(own_redis.url) as client:
        servers = []
        for number in range(8):
            if number == 4:
                client.flushall()
            wire.send(request("GET", "/api/v1/x"))
            servers.append(wire.answer().server)
        assert servers in (["1", "2"] * 4, ["2", "1"] * 4)
        assert int(client.get(turn_key(proxy.service)) or 0) >= 8


def test_a_worker_that_has_seen_no_ring_says_so(make_proxy: MakeProxy, tmp_path: Path) -> None:
    proxy = make_proxy(redis_url=f"unix://{tmp_path}/none.sock")
    answer = proxy.get()
    assert answer.status == 503
    assert b"state Redis" in answer.body


def test_degraded_shows_in_the_beat_only_while_it_lasts(
    own_redis: RedisServer, make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(make_backend(), redis_url=own_redis.url)
    own_redis.process.send_signal(signal.SIGSTOP)
    wait_degraded(proxy)
    own_redis.process.send_signal(signal.SIGCONT)
    eventually(lambda: [beat.degraded for beat in proxy.beats()] == [False])


def test_errors_of_redis_degrade_too(own_redis: RedisServer, make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(make_backend(), redis_url=own_redis.url)
    with connect(own_redis.url) as client:
        client.config_set("maxmemory", "1")
        assert {proxy.get().status for _ in range(3)} == {200}
        wait_degraded(proxy)
        client.config_set("maxmemory", "0")
        eventually(lambda: client.zcard(requests_key(proxy.service)) == 3)


class Nobody:
    """An owner of a dispatcher that is never linked."""

    counters = Counters()

    def on_ring(self, ring: Ring, sick: frozenset[int]) -> None:
        """Nobody minds."""

    def beat(self) -> WorkerBeat:
        """Nobody beats."""
        raise NotImplementedError


@pytest.mark.parametrize(("first", "end"), [(0, 1), (0, 10), (3, 12), (95, 105), (999, 1000), (1000, 1128)])
@pytest.mark.parametrize("precision", [0.0, 1.0])
def test_records_packed_by_one_join_are_the_same_commands(first: int, end: int, precision: float) -> None:
    async def pack_both_ways() -> None:
        dispatcher = Dispatcher(
            Nobody(), "dienst-ü", RedisPlace(RedisAddress()), "0123abcd", logging.getLogger(__name__)
        )
        dispatcher.precision = precision
        new = "1700000000.125", first, end
        assert dispatcher.packed_new(new) == dispatcher.packed_records(dispatcher.records_of(new))

    asyncio.run(pack_both_ways())


@pytest.mark.parametrize(("port", "address"), [("junk", "127.0.0.1:1"), ("8001", "junk")])
def test_a_ring_that_makes_no_sense_leaves_the_last_one_in_force_until_it_does(
    make_backend: MakeBackend, make_proxy: MakeProxy, port: str, address: str
) -> None:
    proxy = make_proxy(make_backend())
    with connect(proxy.redis_url) as client:
        client.hset(ring_key(proxy.service), port, address)
        client.incr(version_key(proxy.service))
    assert [proxy.get().status for _ in range(3)] == [200] * 3
    assert proxy.log().count("cannot be read") == 1
    assert "Degraded" not in proxy.log()
    version = proxy.set_ring(make_backend(), make_backend())
    eventually(lambda: proxy.acted_on(version))
    assert {proxy.get().server for _ in range(2)} == {"1", "2"}


def test_a_version_that_another_redis_gives_out_again_is_known_by_its_members() -> None:
    async def story() -> None:
        dispatcher = Dispatcher(Nobody(), "s", RedisPlace(RedisAddress()), "0123abcd", logging.getLogger(__name__))
        for port in (8000, 8001):  # the second one was never replicated by the first
            dispatcher.take_ring((b"7", {str(port).encode(): b"127.0.0.1:1"}))
            assert [member.port for member in dispatcher.ring.members] == [port]

    asyncio.run(story())


class LostLink:
    """A link that answers everything, and is lost with the last answer; and the place where it is found."""

    transport = None

    async def open_link(self, *_: object) -> Self:
        """Be found."""
        return self

    async def ask(self, *commands: Sequence[object]) -> list[object]:
        """What Redis answers."""
        return [[1, 0]] if commands[0] == ("TIME",) else [[b"1", [b"8000", b"127.0.0.1:1"]]]

    def close(self) -> None:
        """It is closed."""


class Beating(Nobody):
    """An owner that beats."""

    def beat(self) -> WorkerBeat:
        """Some beat."""
        return WorkerBeat("0123abcd", "host", 1, 0.0, 0.0, 1)


def test_a_link_that_is_lost_with_its_last_answer_is_not_taken_for_one() -> None:
    async def story() -> None:
        place = cast("RedisPlace", LostLink())
        dispatcher = Dispatcher(Beating(), "s", place, "0123abcd", logging.getLogger(__name__))
        with pytest.raises(RedisError):
            await dispatcher.connect()
        assert dispatcher.link is None

    asyncio.run(story())


class Refused:
    """A request that nobody takes: it waits again with every turn that it gets."""

    counted = False
    gone = False
    wait_until = 0.0
    sentence = ""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher
        self.turns: list[int] = []

    def take_turn(self, turn: int, ring: Ring) -> None:
        """Wait."""
        self.turns.append(turn)
        self.dispatcher.wait_for_anybody(turn, self)

    def no_turn(self, sentence: str) -> None:
        """Give up."""
        self.sentence = sentence


def test_whoever_waits_is_tried_again_but_all_waits_together_are_bounded() -> None:
    async def story() -> None:
        dispatcher = Dispatcher(Nobody(), "s", RedisPlace(RedisAddress()), "0123abcd", logging.getLogger(__name__))
        dispatcher.ring = Ring(1)
        waiting = [Refused(dispatcher) for _ in range(3)]
        for turn, claimant in enumerate(waiting, 1):
            dispatcher.route_batch(turn, [claimant])
        until = waiting[0].wait_until
        dispatcher.tick()
        assert [claimant.turns for claimant in waiting] == [[], [], []]  # the ring is empty: nobody to try
        for version in (b"2", b"3"):
            dispatcher.take_ring((version, {b"8000": b"127.0.0.1:1"}))
        assert [claimant.turns for claimant in waiting] == [[1, 1], [2, 2], [3, 3]]
        for _ in range(2):
            dispatcher.tick()
        assert [len(claimant.turns) for claimant in waiting] == [3, 3, 2]  # one at a time, the oldest first
        assert waiting[0].wait_until == until
        waiting[1].wait_until = until - 60
        dispatcher.tick()
        assert [bool(claimant.sentence) for claimant in waiting] == [False, True, False]

    asyncio.run(story())


class Left(Refused):
    """One whose client has left meanwhile."""

    gone = True

    def take_turn(self, turn: int, ring: Ring) -> None:
        """Want none."""
        self.turns.append(turn)


def test_clients_that_have_left_hold_up_nobody_who_waits() -> None:
    async def story() -> None:
        dispatcher = Dispatcher(Nobody(), "s", RedisPlace(RedisAddress()), "0123abcd", logging.getLogger(__name__))
        dispatcher.take_ring((b"1", {b"8000": b"127.0.0.1:1"}))
        waiting = [*(Left(dispatcher) for _ in range(5)), Refused(dispatcher)]
        for turn, claimant in enumerate(waiting, 1):
            dispatcher.wait_for_anybody(turn, claimant)
        dispatcher.tick()
        assert [claimant.turns for claimant in waiting] == [[1], [2], [3], [4], [5], [6]]
        assert len(dispatcher.waiters) == 1

    asyncio.run(story())
