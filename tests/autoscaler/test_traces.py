"""Requests from files, line by line."""

from datetime import UTC, datetime

import pytest

from autoscaler.simulate import Arrivals
from autoscaler.traces import NoTrace, arrivals_in

LOG = b'1.2.3.4 - ann [01/Mar/2026:12:04:%02d +0100] "%s %s HTTP/1.1" 200 12 "-" "curl"\n'
AT = int(datetime(2026, 3, 1, 11, 4, tzinfo=UTC).timestamp())


def numbers(lines, prefix: str = "") -> list[tuple[int, int]]:
    return [(one.at, one.number) for one in arrivals_in(lines, prefix)]


def log(second: int, method: bytes = b"GET", path: bytes = b"/api/v1/acts") -> bytes:
    return LOG % (second, method, path)


def test_unix_seconds_are_counted_by_second_without_a_gap():
    assert numbers([b"100.2,a\n", b"100.9,b\n", b"103\n"]) == [(101, 2), (102, 0), (103, 0), (104, 1)]


def test_milliseconds_are_understood():
    assert numbers([b"1700000000250\n", b"1700000001999\n"]) == [(1700000001, 1), (1700000002, 1)]


def test_iso_times_are_counted_too():
    assert numbers([b"2026-03-01T12:04:07+01:00,x\n", b'"2026-03-01 11:04:08Z",y\n']) == [(AT + 8, 1), (AT + 9, 1)]


def test_a_header_and_what_has_no_time_is_skipped():
    assert numbers([b"time,path\n", b"\n", b"100,x\n", b"nonsense\n", b"nan\n", b"100.5,y\n"]) == [(101, 2)]


def test_an_access_log_is_counted_by_its_times():
    assert numbers([log(7), log(7), log(9)]) == [(AT + 8, 2), (AT + 9, 0), (AT + 10, 1)]


def test_only_what_the_service_would_count_counts():
    lines = [
        log(7, path=b"/"),
        log(7),
        log(7, b"OPTIONS"),
        log(7, b"POST", b"/api/v1/users"),
        log(7, path=b"/static/x"),
    ]
    assert numbers(lines, "/api/") == [(AT + 8, 2)]


def test_lines_out_of_order_count_with_the_one_before():
    assert numbers([log(9), log(8), log(9)]) == [(AT + 10, 3)]


def test_broken_lines_of_a_log_are_skipped():
    lines = [log(7), b"\xff\xfe broken\n", b'[99/Foo/2026:12:04:07 +0100] "GET / HTTP/1.1"\n', b'[] "GET /"\n', log(7)]
    assert numbers(lines) == [(AT + 8, 2)]


@pytest.mark.parametrize("lines", [[], [b"\n"], [b"a,b\n", b"c,d\n"], [b"\x00\xff" * 1000]])
def test_a_file_without_times_is_refused(lines):
    with pytest.raises(NoTrace, match="no line has a time"):
        numbers(lines)


def test_a_time_from_another_world_is_refused_instead_of_waited_for():
    with pytest.raises(NoTrace, match="more than 31 days"):
        numbers([b"100\n", b"99999999999\n"])


def test_a_big_file_is_read_as_a_stream():
    def endless():
        for n in range(1_000_000_000):
            yield b"%d\n" % (n // 10)

    stream = arrivals_in(endless())
    assert [next(stream) for _ in range(3)] == [Arrivals(1, 10), Arrivals(2, 10), Arrivals(3, 10)]
