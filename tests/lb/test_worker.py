"""The worker under gunicorn: turns, order, drain, reload, beats."""

import signal
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
from helpers import eventually, title_of
from rig import Backend, Request, RunningProxy, Wire, request

MakeBackend = Callable[..., Backend]
MakeProxy = Callable[..., RunningProxy]


def servers_of(proxy: RunningProxy, count: int) -> list[str]:
    """The containers that answer `count` requests on one connection, one after the other."""
    with proxy.connect() as wire:
        answers = []
        for _ in range(count):
            wire.send(request("GET", "/api/v1/x"))
            answers.append(wire.answer().server)
        return answers


def test_requests_that_come_one_by_one_go_round(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(make_backend(), make_backend(), make_backend(), LB_WORKERS=3)
    answers = [proxy.get().server for _ in range(60)]
    start = int(answers[0])
    assert answers == [str((start - 1 + turn) % 3 + 1) for turn in range(60)]


def test_shares_of_many_clients_over_many_workers_differ_by_at_most_one(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    backends = [make_backend() for _ in range(3)]
    proxy = make_proxy(*backends, LB_WORKERS=3)
    before = [len(backend.requests) for backend in backends]
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend(servers_of(proxy, 50))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = [len(backend.requests) - start for backend, start in zip(backends, before, strict=True)]
    assert sum(counts) == len(found) == 1000
    assert max(counts) - min(counts) <= 1
    assert sorted(Counter(found).values()) == sorted(counts)


def test_a_new_ring_is_followed_at_once(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    one, two = make_backend(), make_backend()
    proxy = make_proxy(one, LB_WORKERS=2)
    for backends, expected in [((one, two), {"1", "2"}), ((two,), {"1"}), ((one, two), {"1", "2"})]:
        proxy.set_ring(*backends)
        assert {proxy.get().server for _ in range(4)} == expected


def test_a_worker_says_what_is_in_flight_to_a_container_that_left(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    go = threading.Event()

    def slow(wire: Wire, request: Request, backend: Backend) -> None:
        if request.target == "/slow":
            go.wait(10)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    old, new = make_backend(slow), make_backend()
    proxy = make_proxy(old)
    with proxy.connect() as wire:
        wire.send(request("GET", "/slow"))
        eventually(lambda: old.requests and old.requests[-1].target == "/slow")
        version = proxy.set_ring(new, first=8001)
        eventually(lambda: proxy.acted_on(version))
        (beat,) = proxy.beats()
        assert beat.in_flight == {8000: 1}
        assert proxy.get().server == "2"
        go.set()
        assert wire.answer().body == b"ok"
    eventually(lambda: proxy.beats()[0].in_flight == {})


def test_term_lets_answers_finish_and_says_that_they_are_the_last(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    go = threading.Event()

    def slow(wire: Wire, request: Request, backend: Backend) -> None:
        if request.target == "/slow":
            go.wait(10)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    backend = make_backend(slow)
    proxy = make_proxy(backend)
    with proxy.connect() as busy, proxy.connect() as idle:
        idle.send(request("GET", "/"))
        idle.answer()
        busy.send(request("GET", "/slow"))
        eventually(lambda: any(each.target == "/slow" for each in backend.requests))
        proxy.signal(signal.SIGTERM)
        assert idle.rest() == b""
        go.set()
        answer = busy.answer()
        assert answer.body == b"ok"
        assert answer.values("Connection") == ["close"]
    assert proxy.process.wait(10) == 0
    assert proxy.beats() == []


def test_a_reload_under_load_loses_nothing(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(make_backend(), make_backend(), LB_WORKERS=2)
    stop = threading.Event()
    outcomes: Counter[str] = Counter()

    def client() -> None:
        wire = proxy.connect()
        while not stop.is_set():
            wire.send(request("POST", "/api/v1/x", body=b"hello"))
            answer = wire.answer()
            outcomes["ok" if answer.status == 200 and answer.complete else str(answer.status)] += 1
            if answer.values("Connection") == ["close"]:
                wire.socket.close()
                wire = proxy.connect()
        wire.socket.close()

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    before = {beat.pid for beat in proxy.beats()}
    proxy.signal(signal.SIGHUP)
    eventually(lambda: len(now := {beat.pid for beat in proxy.beats()}) == 2 and not now & before, within=15)
    stop.set()
    for thread in threads:
        thread.join()
    assert outcomes["ok"] > 0
    assert set(outcomes) == {"ok"}


def test_processes_are_named(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(make_backend())
    (beat,) = proxy.beats()
    titles = []
    for pid in (proxy.process.pid, beat.pid):
        with open(f"/proc/{pid}/cmdline") as file:  # noqa: PTH123
            titles.append(file.read().strip("\0 "))
    assert titles == ["lb master", "lb worker 1"]


def test_who_replaces_a_killed_worker_is_called_as_that_one_was(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(make_backend(), options=("--workers", "2"))

    def workers() -> dict[str, int]:
        return {title_of(child): child.pid for child in psutil.Process(proxy.process.pid).children()}

    both = ["lb worker 1", "lb worker 2"]
    before = eventually(lambda: sorted(found := workers()) == both and found)
    psutil.Process(before["lb worker 1"]).kill()
    eventually(lambda: sorted(after := workers()) == both and after["lb worker 1"] != before["lb worker 1"])


def test_a_worker_that_has_served_max_requests_is_replaced(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(make_backend(), options=("--max-requests", "20"))
    (before,) = proxy.beats()
    for _ in range(20):
        assert proxy.get().status == 200
    eventually(lambda: [beat for beat in proxy.beats() if beat.pid != before.pid])
    assert proxy.get().status == 200


def test_tls_by_gunicorns_certificate_settings(
    make_backend: MakeBackend, make_proxy: MakeProxy, tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*new, "-keyout", key, "-out", certificate, *subject], check=True, capture_output=True)
    backend = make_backend()
    proxy = make_proxy(backend, options=("--certfile", str(certificate), "--keyfile", str(key)))
    context = ssl.create_default_context(cafile=str(certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with proxy.connect() as plain:
        wire = Wire(context.wrap_socket(plain.socket, server_hostname="localhost"))
        assert wire.socket.selected_alpn_protocol() == "http/1.1"
        for _ in range(2):
            wire.send(request("POST", "/x", body=b"data" * 10_000))
            assert wire.answer().status == 200
        wire.send(b"nonsense\r\n\r\n")
        assert wire.answer().status == 400
        wire.socket.close()
    assert backend.requests[-1].values("X-Forwarded-Proto") == ["https"]
