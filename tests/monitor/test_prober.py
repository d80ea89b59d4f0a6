"""The prober's account is exact, against real servers that answer, break off, refuse and are late."""

import time
from collections.abc import Callable

import pytest
from helpers import eventually, free_port
from sick_servers import CRASHED, OK, Server, response, says, served, trickles

from monitor.prober import Ask, Prober, causes, longest_gap, percentile

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Served-By: 3\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
CUT_SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot a hundred"


def gets(number: int) -> Ask:
    return Ask("GET", "/x", fresh=number % 2 == 0)


def probed(port: int, plan: Callable[[int], Ask] = gets, number: int = 20) -> Prober:
    """A prober that has ended after at least so many requests."""
    with Prober(port, 200, plan) as prober:
        eventually(lambda: len(prober.sent) >= number)
    return prober


def test_it_sends_in_a_rhythm_and_keeps_connections_unless_it_is_asked_for_new_ones() -> None:
    with served(Server(says(OK))) as server:
        prober = probed(server.port)
        assert {one.status for one in prober.sent} == {200}
        assert not any(one.lost for one in prober.sent)
        fresh = [one.local_port for one in prober.sent if one.ask.fresh]
        kept = {one.local_port for one in prober.sent if not one.ask.fresh}
        assert len(set(fresh)) == len(fresh)
        assert len(kept) < len(fresh)
        assert len(server.heads) == len(prober.sent)


def test_it_sends_methods_and_bodies_and_reads_chunks_and_who_answered() -> None:
    with served(Server(says(CHUNKED))) as server:
        prober = probed(server.port, lambda number: Ask("POST", f"/note?id={number}", b"body"))
        assert {(one.status, one.container) for one in prober.sent} == {(200, 3)}
        assert server.heads[0].startswith(b"POST /note?id=0 HTTP/1.1\r\nHost: localhost\r\n")
        assert server.heads[0].endswith(b"Content-Length: 4\r\n\r\nbody")


def test_an_answer_that_breaks_off_is_lost_and_is_not_asked_for_again() -> None:
    with served(Server(says(CUT_SHORT, keep=False))) as server:
        prober = probed(server.port)
        assert all(one.lost and one.status == 0 for one in prober.sent)
        assert len(server.heads) == len(prober.sent)
    assert "no answer: IncompleteReadError" in next(iter(causes(prober.sent)))


@pytest.mark.parametrize("answer", [b"garbage\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 OK\r\n\r\n"])
def test_an_answer_that_is_no_http_is_lost_and_counted(answer: bytes) -> None:
    with served(Server(says(answer, keep=False))) as server:
        prober = probed(server.port)
        assert all(one.lost and "ValueError" in one.trouble for one in prober.sent)
        assert len(server.heads) == len(prober.sent)


def test_an_answer_of_somebody_who_is_not_our_proxy_names_no_container() -> None:
    with served(Server(says(CHUNKED.replace(b"By: 3", b"By: cache-7")))) as server:
        assert {(one.status, one.container) for one in probed(server.port).sent} == {(200, 0)}


def test_refused_connections_and_5xx_are_lost_and_say_why() -> None:
    refused = probed(free_port()).sent
    assert all(one.lost and "ConnectionRefusedError" in one.trouble for one in refused)
    with served(Server(says(CRASHED))) as server:
        crashed = probed(server.port).sent
    assert all(one.lost and "has crashed" in one.trouble for one in crashed)
    assert not any(one.put_off for one in crashed)


def test_503_with_retry_after_is_told_from_other_losses() -> None:
    with served(Server(says(response("503 Busy", b"{}", "Retry-After: 1")))) as server:
        prober = probed(server.port)
    assert all(one.lost and one.put_off for one in prober.sent)


def test_the_rhythm_does_not_wait_for_answers_and_the_end_does() -> None:
    with served(Server(trickles(OK, every=0.01))) as server:  # some 0.4 s each
        prober = probed(server.port, lambda number: Ask("GET", "/x", fresh=True))
    assert {one.status for one in prober.sent} == {200}
    first_answer = min(one.ended for one in prober.sent)
    assert sum(one.at < first_answer for one in prober.sent) > 5


def test_what_was_taken_is_forgotten() -> None:
    with served(Server(says(OK))) as server:
        prober = probed(server.port)
    taken = prober.take()
    assert len(taken) >= 20
    assert prober.sent == prober.take() == []


def test_gaps_and_percentiles_are_of_the_good_answers() -> None:
    with served(Server(says(OK))) as server, Prober(server.port, 200, gets) as prober:
        eventually(lambda: len(prober.sent) > 10)
        began = time.time()
        eventually(lambda: time.time() > began + 0.1)
    assert 0 < longest_gap(prober.sent) < 5
    assert percentile(prober.sent, 0.5) <= percentile(prober.sent, 0.99)
    assert (longest_gap([]), percentile([], 0.5)) == (0.0, 0.0)
