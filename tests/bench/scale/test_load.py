"""A Redis and what it says of its load."""

import pytest
from bench.scale.claims import Batch
from bench.scale.load import bench


def test_bytes_are_those_of_the_writes_and_their_answers() -> None:
    with bench(connections=4) as on:
        cost = on.drive(lambda _connection: Batch(b"*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n" * 2, 2), 0.2)
    assert cost.received >= 46  # and a share of the INFO that asks for it
    assert cost.sent >= 18
    assert cost.cpu_us > 0


def test_a_connection_that_redis_closes_stops_it() -> None:
    with bench(connections=1) as on, pytest.raises(RuntimeError, match="closed"):
        on.one_each(lambda _connection: Batch(b"*1\r\n$4\r\nQUIT\r\n", 2))
