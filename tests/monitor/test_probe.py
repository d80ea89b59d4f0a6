"""Probes against real servers that behave as no server should."""

import resource
import socket

import pytest
from helpers import free_port
from sick_servers import OK, hangs, response, says, trickles

from monitor.probe import Outcome, Prober, failed, says_store_unreachable

TIMEOUT = 0.3


def probe(address: str, timeout: float = TIMEOUT):
    prober = Prober(address, "/health", timeout)
    try:
        return prober.probe()
    finally:
        prober.close()


@pytest.mark.parametrize("status", [200, 204, 302, 404, 429, 500, 503])
def test_the_status_is_what_the_container_answered(serve, status):
    answer = probe(serve(says(response(f"{status} Whatever"))).address)
    assert (answer.outcome, answer.status) == (Outcome.ANSWERED, status)


def test_a_redirect_is_not_followed(serve):
    elsewhere = serve(says(OK))
    here = serve(says(response("302 Found", b"", f"Location: http://{elsewhere.address}/")))
    assert probe(here.address).status == 302
    assert elsewhere.connections == 0


def test_the_health_path_is_asked_for(serve):
    server = serve(says(OK))
    probe(server.address)
    assert server.heads[0].startswith(b"GET /health HTTP/1.1\r\n")


def test_nobody_listening_is_refused():
    assert probe(f"127.0.0.1:{free_port()}").outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    "answer",
    [
        hangs,
        trickles(OK),
        trickles(b"HTTP/1.1 200 OK\r\n" + b"X-Padding: x\r\n" * 50),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf "),
        says(b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["silent", "trickled", "endless head", "half a body", "only a promise"],
)
def test_whatever_is_not_whole_in_time_has_timed_out(serve, answer):
    """Kept honest without a stopwatch: a prober without a total time-out would report the trickled 200 in the end."""
    assert probe(serve(answer).address).outcome is Outcome.TIMED_OUT


def test_a_full_backlog_has_timed_out():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        assert probe(f"127.0.0.1:{listener.getsockname()[1]}").outcome is Outcome.TIMED_OUT
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    "answer",
    [
        says(b"", keep=False),
        says(b"HTTP/1.1 20", keep=False),
        says(b"SSH-2.0-OpenSSH_9.2\r\n", keep=False),
        says(b"HTTP/1.1 two hundred\r\n\r\n", keep=False),
        says(b"\x00\xff\xfe" * 40_000, keep=False),
        says(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", keep=False),
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", keep=False),
    ],
    ids=["nothing", "half a line", "another protocol", "no number", "binary", "too many fields", "bad chunk"],
)
def test_what_is_no_http_is_broken(serve, answer):
    assert probe(serve(answer).address).outcome is Outcome.BROKEN


def test_one_connection_serves_many_probes(serve):
    server = serve(says(OK))
    prober = Prober(server.address, "/", TIMEOUT)
    assert [prober.probe().status for _ in range(5)] == [200] * 5
    assert server.connections == 1
    prober.close()


def test_a_kept_connection_that_was_closed_meanwhile_is_not_held_against_the_container(serve):
    server = serve(says(OK, keep=False))
    prober = Prober(server.address, "/", TIMEOUT)
    assert [prober.probe().status for _ in range(3)] == [200] * 3
    assert server.connections == 3
    prober.close()


def test_an_answer_that_closes_is_whole(serve):
    server = serve(says(b"HTTP/1.0 200 OK\r\n\r\nall of it", keep=False))
    prober = Prober(server.address, "/", TIMEOUT)
    assert [prober.probe().status for _ in range(2)] == [200, 200]
    prober.close()


def test_after_a_time_out_the_next_probe_starts_afresh(serve):
    slow_once = iter([hangs])

    def answer(server, connection):
        return next(slow_once, says(OK))(server, connection)

    prober = Prober(serve(answer).address, "/", TIMEOUT)
    assert [prober.probe().outcome for _ in range(2)] == [Outcome.TIMED_OUT, Outcome.ANSWERED]
    prober.close()


def test_a_container_that_came_back_on_its_port_is_found_by_the_same_prober(serve):
    port = free_port()
    prober = Prober(f"127.0.0.1:{port}", "/", TIMEOUT)
    assert prober.probe().outcome is Outcome.REFUSED
    serve(says(OK), port)
    assert prober.probe().status == 200
    prober.close()


def test_an_answer_without_end_is_read_only_so_far(serve):
    def floods(server, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while not server.closing.is_set():
            connection.sendall(b"x" * 65_536)

    prober = Prober(serve(floods).address, "/", 2.0)
    assert [prober.probe().status for _ in range(2)] == [200, 200]
    prober.close()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"store": "unreachable"}', True),
        (b'{"store": "unreachable", "since": 3}', True),
        (b'{"store": "fine"}', False),
        (b'["store", "unreachable"]', False),
        (b'"unreachable"', False),
        (b"{}", False),
        (b"", False),
        (b"<html>", False),
        (b"\xff\xfe", False),
        (b"[" * 60_000, False),
    ],
)
def test_only_json_that_says_so_means_that_the_store_is_unreachable(serve, body, told):
    assert says_store_unreachable(body) is told
    assert probe(serve(says(response("500 Oh", body))).address).store_unreachable is told


def test_a_healthy_answer_says_nothing_about_the_store(serve):
    assert not probe(serve(says(response("200 OK", b'{"store": "unreachable"}'))).address).store_unreachable


def test_without_file_descriptors_the_container_is_not_blamed(serve):
    server = serve(says(OK))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        answer = probe(server.address)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert answer.outcome is Outcome.UNKNOWN


def test_whatever_else_fails_is_broken_and_named():
    assert failed(ValueError()).detail == "broke off: ValueError"
    assert failed(OSError(5, "Input/output error")).outcome is Outcome.BROKEN
    assert failed(MemoryError()).outcome is Outcome.UNKNOWN
