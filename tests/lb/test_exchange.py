"""One request's story when things go wrong: who is asked again, who is not, and what the client is told."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
import redis
from helpers import eventually
from rig import Backend, Deaf, Request, RunningProxy, Wire, answer_with_port, request, script_of

from lb import ledger
from lb.redis_client import connect
from lb.request_window import count, requests_key, slots_key
from lb.ring import changed_channel, ring_key, version_key
from lb.suspects import suspects_channel
from lb.turns import raise_to

MakeBackend = Callable[..., Backend]
MakeProxy = Callable[..., RunningProxy]
ProxyFor = Callable[..., RunningProxy]


def break_off(wire: Wire, asked: Request, _: Backend) -> bool:
    """A script: close without an answer."""
    return False


def hang(wire: Wire, asked: Request, _: Backend) -> bool:
    """A script: no answer until the client has gone, or says more."""
    return wire.more()


def served(backend: Backend, target: str = "/x") -> int:
    """How often a container was asked for this."""
    return sum(seen.target == target for seen in backend.requests)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_refused_connection_is_tried_elsewhere_whatever_the_method(
    make_backend: MakeBackend, proxy_for: ProxyFor, method: str
) -> None:
    dead, alive = make_backend(), make_backend()
    proxy = proxy_for(alive, dead)
    dead.close()
    answers = [proxy.talk(request(method, "/x", body=b"data" if method == "POST" else b"")) for _ in range(6)]
    assert {answer.status for answer in answers} == {200}
    assert served(alive) == 6
    if method == "POST":
        assert {seen.body for seen in alive.requests if seen.method == "POST"} == {b"data"}


def test_whoever_cannot_be_reached_is_a_suspect(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    dead, alive = make_backend(), make_backend()
    proxy = make_proxy(alive, dead)
    with connect(proxy.redis_url) as client, client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(suspects_channel(proxy.service))
        listener.get_message(timeout=5)
        dead.close()
        for _ in range(2):
            proxy.get()
        assert eventually(lambda: listener.get_message(timeout=1))["data"] == "8001"


def test_when_all_refuse_the_request_waits_for_the_ring_to_change(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    dead, fresh = make_backend(), make_backend()
    proxy = make_proxy(dead)
    dead.close()
    with proxy.connect() as wire:
        wire.send(request("POST", "/x", body=b"data"))
        eventually(lambda: "cannot be reached" in proxy.log())
        proxy.set_ring(fresh)
        assert wire.answer().status == 200
    assert served(fresh) == 1


@pytest.mark.parametrize(
    ("method", "status", "times"),
    [("GET", 200, 1), ("HEAD", 200, 1), ("OPTIONS", 200, 1), ("POST", 502, 0), ("DELETE", 502, 0)],
)
def test_broken_before_the_answer_only_safe_requests_are_asked_again(
    make_backend: MakeBackend, proxy_for: ProxyFor, method: str, status: int, times: int
) -> None:
    broken, good = make_backend(), make_backend()
    proxy = proxy_for(good, broken)
    broken.script = break_off
    while not served(broken):
        before = served(good)
        answer = proxy.talk(request(method, "/x"))
    assert answer.status == status
    assert (served(broken), served(good)) == (1, before + times)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_kept_connection_that_was_closed_before_costs_nobody_an_error(
    make_backend: MakeBackend, make_proxy: MakeProxy, method: str
) -> None:
    def answer_and_close(wire: Wire, asked: Request, _: Backend) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return asked.target != "/first" or not asleep.wait(10)

    asleep = threading.Event()
    backend = make_backend(answer_and_close)
    proxy = make_proxy(backend)
    worker = proxy.beats()[0].pid
    for number in range(3):
        asleep.clear()
        before = backend.connections
        with proxy.connect() as wire:
            wire.send(request("GET", "/first"))
            assert wire.answer().status == 200
            # The worker sleeps while the container closes, so it finds the end and the next request at the same time.
            os.kill(worker, signal.SIGSTOP)
            wire.send(request(method, f"/second{number}", body=b"data" if method == "POST" else b""))
            asleep.set()
            eventually(lambda: backend.open == 0)
            os.kill(worker, signal.SIGCONT)
            assert wire.answer().status == 200
        assert served(backend, f"/second{number}") == 1
        assert backend.connections > before
        backend.close_kept()


def test_a_500_of_a_sick_container_is_tried_elsewhere_once(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    sick = script_of(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nsick", close=False)
    one, two = make_backend(), make_backend()
    proxy = make_proxy(one, two)
    two.script = sick
    assert [proxy.get("/x").status for _ in range(4)] == [200] * 4
    assert proxy.talk(request("POST", "/post")).status + proxy.talk(request("POST", "/post")).status == 700
    one.script = sick
    answer = proxy.get("/both")
    assert (answer.status, answer.body) == (500, b"sick")
    assert served(one, "/both") + served(two, "/both") == 2


def test_a_get_outlives_two_containers_that_break_off(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    one, two, three = make_backend(), make_backend(), make_backend()
    proxy = make_proxy(one, two, three)
    one.script = two.script = break_off
    assert [proxy.get("/x").status for _ in range(3)] == [200] * 3


def test_a_get_that_three_containers_break_off_goes_to_no_fourth(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    backends = [make_backend() for _ in range(4)]
    proxy = make_proxy(*backends)
    for backend in backends:
        backend.script = break_off
    assert proxy.get("/x").status == 502
    assert sorted(map(served, backends)) == [0, 1, 1, 1]


def test_a_large_500_is_left_and_tried_elsewhere(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    one, two = make_backend(), make_backend()
    proxy = make_proxy(one, two)
    two.script = script_of(b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsick\r\n")
    assert [proxy.get("/x").status for _ in range(4)] == [200] * 4


def test_a_single_500_is_the_answer(make_backend: MakeBackend, proxy_for: ProxyFor) -> None:
    backend = make_backend()
    proxy = proxy_for(backend)
    backend.script = script_of(b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\nsick")
    assert (proxy.get("/x").status, served(backend)) == (500, 1)


def test_second_tries_end_with_the_budget(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    one, two = make_backend(), make_backend()
    proxy = make_proxy(one, two, RETRY_BUDGET=0)
    for backend in (one, two):
        backend.script = script_of(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", close=False)
    for _ in range(30):
        assert proxy.get("/x").status == 500
    assert served(one) + served(two) == 40  # ten are always allowed


def test_no_answer_in_time_is_504_and_never_asked_again(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    one, two = make_backend(), make_backend()
    proxy = make_proxy(one, two, UPSTREAM_TIMEOUT=0.3)

    def never(wire: Wire, asked: Request, _: Backend) -> bool:
        return wire.more()

    one.script = two.script = never
    answer = proxy.get("/x")
    assert answer.status == 504
    assert set(json.loads(answer.body)) == {"error"}
    assert served(one) + served(two) == 1


def test_an_empty_ring_waits_for_somebody_to_join(make_backend: MakeBackend, proxy_for: ProxyFor) -> None:
    backend = make_backend()
    proxy = proxy_for(backend)
    version = proxy.set_ring()
    eventually(lambda: proxy.acted_on(version))
    with proxy.connect() as wire:
        wire.send(request("GET", "/x"))
        proxy.set_ring(backend)
        assert wire.answer().status == 200


def test_an_empty_ring_that_stays_empty_is_503(make_backend: MakeBackend, proxy_for: ProxyFor) -> None:
    proxy = proxy_for(make_backend())
    proxy.set_ring()
    answer = proxy.get("/x")
    assert (answer.status, answer.values("Retry-After")) == (503, ["1"])


def test_what_waits_at_a_sick_container_is_asked_elsewhere_if_that_is_safe(
    make_backend: MakeBackend, proxy_for: ProxyFor
) -> None:
    hung, good = make_backend(), make_backend()
    proxy = proxy_for(hung)
    hung.script = hang
    with proxy.connect() as getting, proxy.connect() as posting:
        getting.send(request("GET", "/get"))
        posting.send(request("POST", "/post", body=b"data"))
        eventually(lambda: served(hung, "/get") and served(hung, "/post"))
        leave_as_sick(proxy, good)
        assert getting.answer().status == 200
        hung.close()  # killed: whoever still waits is told
        assert posting.answer().status == 502
    assert served(good, "/post") == 0


def test_a_get_outlives_two_containers_that_leave_as_sick_and_no_third(
    make_backend: MakeBackend, proxy_for: ProxyFor
) -> None:
    one, two, three, good = make_backend(hang), make_backend(hang), make_backend(), make_backend()
    proxy = proxy_for(one)
    with proxy.connect() as first:
        first.send(request("GET", "/first"))
        eventually(lambda: served(one, "/first"))
        leave_as_sick(proxy, two)
        eventually(lambda: served(two, "/first"))
        leave_as_sick(proxy, three, 8001)
        assert first.answer().status == 200
    three.script = hang
    with proxy.connect() as second:
        second.send(request("GET", "/second"))
        for port, (sick, next_one) in enumerate([(three, one), (one, two), (two, good)], 8002):
            eventually(lambda sick=sick: served(sick, "/second"))
            leave_as_sick(proxy, next_one, port)
        two.close()
        assert second.answer().status == 502
    assert served(good, "/second") == 0


def change_quietly(proxy: RunningProxy) -> None:
    """Another version of the same ring, without a notice: nothing else tells a worker that somebody has been replaced
    on his port than the answer to its next claim.
    """
    with connect(proxy.redis_url) as client:
        client.incr(version_key(proxy.service))


def status_over_a_quiet_change(proxy: RunningProxy, replaced: Deaf) -> int:
    """The status of a POST that knocks at a container which is replaced, quietly, before it can be reached."""
    with proxy.connect() as wire:
        wire.send(request("POST", "/x", body=b"data"))
        eventually(replaced.is_knocked_at)
        change_quietly(proxy)
        replaced.hear()
        return wire.answer().status


def test_a_change_of_the_ring_while_the_only_container_refused_is_not_waited_for_again(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    replaced = make_backend(kind=Deaf)
    proxy = make_proxy(replaced, CONNECT_TIMEOUT=0.5)
    assert status_over_a_quiet_change(proxy, replaced) == 200
    assert unused_turns(proxy) == []


def test_who_refused_before_the_ring_changed_is_asked_again_when_the_others_have_refused_too(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    replaced, dead = make_backend(kind=Deaf), make_backend()
    dead.close()
    proxy = make_proxy(dead, replaced, CONNECT_TIMEOUT=0.5)  # the first turn, 1, falls to the second
    assert status_over_a_quiet_change(proxy, replaced) == 200
    assert unused_turns(proxy) == []


def test_who_could_not_be_reached_for_a_moment_is_asked_again_without_a_change_of_the_ring(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    busy = make_backend(kind=Deaf)
    proxy = make_proxy(busy, CONNECT_TIMEOUT=0.3)
    with ExitStack() as stack:
        wires = [stack.enter_context(proxy.connect()) for _ in range(5)]
        for wire in wires:
            wire.send(request("POST", "/x", body=b"data"))
        eventually(lambda: "cannot be reached" in proxy.log())
        busy.hear()
        assert [wire.answer().status for wire in wires] == [200] * 5
    assert served(busy) == 5


def unused_turns(proxy: RunningProxy) -> list[int]:
    """The turns that came to nothing, as they do when a request begins to wait."""
    with connect(proxy.redis_url) as client:
        told = eventually(lambda: [entry for entry in ledger.read(client, proxy.service, 0) if entry.ports])
    return [turn for entry in told for turn in entry.unused]


def leave_as_sick(proxy: RunningProxy, good: Backend | None, port: int = 8000) -> None:
    """Change the ring from a port to the next one, or to nobody, as the deployer does for a sick container."""
    with connect(proxy.redis_url) as client, client.pipeline() as pipe:
        pipe.delete(ring_key(proxy.service))
        if good is not None:
            pipe.hset(ring_key(proxy.service), str(port + 1), good.address)
        pipe.incr(version_key(proxy.service))
        version = int(client.get(version_key(proxy.service))) + 1
        pipe.publish(changed_channel(proxy.service), f"{version} sick {port}")
        pipe.execute()


def test_what_waits_at_the_only_container_when_it_is_sick_waits_for_the_next_on_its_port_whatever_the_budget(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    hung, fresh = make_backend(), make_backend()
    proxy = make_proxy(hung, RETRY_BUDGET=0)
    hung.script = hang
    with ExitStack() as stack:
        wires = [stack.enter_context(proxy.connect()) for _ in range(15)]  # more than any budget's ten
        for wire in wires:
            wire.send(request("GET", "/get"))
        eventually(lambda: served(hung, "/get") == 15)
        leave_as_sick(proxy, None)
        proxy.set_ring(fresh)
        assert [wire.answer().status for wire in wires] == [200] * 15


def test_who_left_as_sick_and_was_back_before_the_ring_was_read_is_another_one(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    backend = make_backend(hang)
    proxy = make_proxy(backend, RETRY_BUDGET=0)
    with proxy.connect() as wire:
        wire.send(request("GET", "/get"))
        eventually(lambda: served(backend, "/get"))
        backend.script = answer_with_port
        with connect(proxy.redis_url) as client, client.pipeline() as pipe:
            version = int(client.get(version_key(proxy.service)))
            pipe.incrby(version_key(proxy.service), 2)
            pipe.publish(changed_channel(proxy.service), f"{version + 1} sick 8000")
            pipe.publish(changed_channel(proxy.service), f"{version + 2}")
            pipe.execute()
        assert wire.answer().status == 200
    assert served(backend, "/get") == 2


def test_the_only_container_is_asked_again_when_it_broke_off_a_get_and_once(
    make_backend: MakeBackend, proxy_for: ProxyFor
) -> None:
    backend = make_backend()
    proxy = proxy_for(backend)
    backend.script = break_off
    assert proxy.get("/x").status == 502
    assert served(backend) == 2
    assert proxy.talk(request("POST", "/post")).status == 502
    assert served(backend, "/post") == 1


def test_a_full_container_is_passed_over_and_when_all_are_full_it_is_503_at_once(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    one, two = make_backend(), make_backend()
    proxy = make_proxy(one, two, MAX_IN_FLIGHT=2)
    one.script = hang
    with ExitStack() as stack:
        wires = [stack.enter_context(proxy.connect()) for _ in range(6)]
        for wire in wires[:4]:
            wire.send(request("GET", "/x"))
            eventually(lambda wire=wire: served(one) + served(two) == wires.index(wire) + 1)
        assert (served(one), served(two)) == (2, 2)
        assert [proxy.talk(request("POST", "/x")).body for _ in range(6)] == [str(two.port).encode()] * 6
        two.script = hang
        for wire in wires[4:]:
            wire.send(request("GET", "/y"))
        eventually(lambda: served(two, "/y") == 2)
        answer = proxy.get("/z")
        assert (answer.status, answer.values("Retry-After")) == (503, ["1"])
        assert (served(one, "/z"), served(two, "/z")) == (0, 0)


def test_when_those_that_can_be_reached_are_full_it_is_503_at_once(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    dead, full = make_backend(), make_backend(hang)
    proxy = make_proxy(dead, full, MAX_IN_FLIGHT=1)
    dead.close()
    with proxy.connect() as wire, connect(proxy.redis_url) as client:
        wire.send(request("GET", "/x"))
        eventually(lambda: served(full))
        began = time.monotonic()
        for turn in (100, 201):  # the next one falls to the one, then to the other
            raise_to(client, proxy.service, turn)
            assert proxy.get("/y").status == 503
        assert time.monotonic() - began < 2.5  # half of the wait for a change of the ring, which was not waited for


def test_a_container_that_leaves_finishes_what_it_has(make_backend: MakeBackend, proxy_for: ProxyFor) -> None:
    go = threading.Event()

    def slow(wire: Wire, asked: Request, _: Backend) -> None:
        go.wait(10)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    old, new = make_backend(), make_backend()
    proxy = proxy_for(old)
    old.script = slow
    with proxy.connect() as wire:
        wire.send(request("GET", "/x"))
        eventually(lambda: served(old))
        version = proxy.set_ring(new)
        eventually(lambda: proxy.acted_on(version))
        go.set()
        assert wire.answer().body == b"ok"
    assert served(new) == 0


def test_counters_tell_what_happened(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    dead, alive = make_backend(), make_backend()
    proxy = make_proxy(alive, dead)
    before = proxy.beats()[0]
    dead.close()
    for _ in range(4):
        proxy.get("/api/v1/x")
    proxy.talk(b"nonsense\r\n\r\n")

    def told() -> bool:
        (now,) = proxy.beats()
        return (now.requests - before.requests, now.counted - before.counted) == (4, 4)

    eventually(told)
    (now,) = proxy.beats()
    assert now.retries - before.retries >= 2
    assert now.refused - before.refused == 1
    assert sum(now.latency.values()) == now.requests
    assert {port: list(rows) for port, rows in now.answers.items()} == {8000: ["2"]}
    assert now.routed[8000] + now.routed[8001] - now.failed[8001] == now.requests
    assert now.own == {400: 1}


def test_a_request_is_recorded_once_even_if_it_is_tried_twice(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    dead, alive = make_backend(), make_backend()
    proxy = make_proxy(alive, dead)
    dead.close()
    for _ in range(6):
        proxy.get("/api/v1/x")
    with connect(proxy.redis_url) as client:
        recorded = client.zcard(f"{proxy.service}:requests")
        turn = int(client.get(f"{proxy.service}:turn"))
    assert recorded == 6
    assert turn > 6


def test_redis_errors_are_not_the_clients_business(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(make_backend())
    with connect(proxy.redis_url) as client:
        client.delete(f"{proxy.service}:requests")
        client.set(f"{proxy.service}:requests", "not a sorted set")
        assert {proxy.get("/api/v1/x").status for _ in range(3)} == {200}
        assert client.type(f"{proxy.service}:requests") == "string"
        client.delete(f"{proxy.service}:requests")
        eventually(lambda: client.zcard(f"{proxy.service}:requests") == 3)
    assert isinstance(client, redis.Redis)


def test_requests_can_be_counted_by_slots(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(make_backend(), COUNT_PRECISION=1000)
    for _ in range(7):
        assert proxy.get("/api/v1/x").status == 200
    with connect(proxy.redis_url) as client:
        assert count(client, proxy.service, time.time(), 10_000) == 7
        assert client.exists(requests_key(proxy.service)) == 0
        assert 1 <= client.hlen(slots_key(proxy.service)) <= 2
