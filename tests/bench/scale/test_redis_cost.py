"""What a Redis is measured with."""

import csv
from pathlib import Path

import pytest
from bench.scale import claims
from bench.scale.load import bench
from bench.scale.redis_cost import Cost, Effort, ends, full_window, measure_all, median

from lb.heartbeat import live_workers
from lb.ledger import read
from lb.request_window import requests_key, slots_key
from lb.turns import turn_key


@pytest.mark.parametrize("size", [1, 7])
def test_a_claim_is_what_a_proxy_writes(size: int) -> None:
    with bench(connections=3) as on:
        on.one_each(claims.recorded(3, size))
        on.one_each(claims.recorded(3, size, 1.0))
        assert int(on.client.get(turn_key(claims.SERVICE))) == 6 * size
        assert on.client.zcard(requests_key(claims.SERVICE)) == 3 * size
        assert sum(map(int, on.client.hvals(slots_key(claims.SERVICE)))) == 3 * size


def test_beats_and_entries_of_the_ledger_are_a_workers() -> None:
    with bench(connections=2) as on:
        on.one_each(claims.beats(2, 4))
        on.one_each(claims.ledger_entries(100, 10))
        assert [len(beat.routed) for beat in live_workers(on.client, claims.SERVICE)] == [4, 4]
        assert [sum(map(len, entry.turns)) for entry in read(on.client, claims.SERVICE, 0)] == [100, 100]


def test_a_window_is_full_before_it_is_measured() -> None:
    with bench(connections=2) as on:
        full = full_window(on, 100, 0.05)
    assert full.records == 100 * 120
    assert full.bytes_each > 50


def test_an_answer_that_is_an_error_stops_it() -> None:
    with bench(connections=1) as on:
        on.client.set(turn_key(claims.SERVICE), "no number")
        with pytest.raises(RuntimeError, match="not an integer"):
            on.one_each(claims.claims_only(1, 1))


def test_the_median_is_told_with_its_noise() -> None:
    line = median("claim", 10, [Cost(us, 10.0, 20.0, 1.0) for us in (9, 10, 11, 30)])
    assert (line.cpu_us, line.received, line.sent) == (10.5, 10.0, 20.0)
    assert line.noise > 0.1


def test_a_core_is_full_when_its_second_is_used() -> None:
    line = median("turn alone", 10, [Cost(20.0, 0, 0, 0)])
    assert ends([line])["turn alone"] == [(10, 500_000)]


def test_it_writes_figures_and_curves(tmp_path: Path) -> None:
    measure_all(Effort(seconds=0.02, rounds=1, filled=(100,), rings=(10,)), tmp_path)
    with (tmp_path / "scale-redis.csv").open() as file:
        assert {"turn, sorted set", "heartbeat", "ring read"} <= {row["case"] for row in csv.DictReader(file)}
    assert (tmp_path / "scale-redis.png").read_bytes().startswith(b"\x89PNG")
