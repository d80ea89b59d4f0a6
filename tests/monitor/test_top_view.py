"""Rates from two looks, and what is shown of them."""

import io
from dataclasses import replace

from rich.console import Console

from lb.counters import BUCKETS
from lb.heartbeat import WorkerBeat
from monitor import snapshot
from monitor.snapshot import Snapshot
from monitor.top_view import UNKNOWN, Watcher, as_json, as_text, totals_of


def look(ward) -> Snapshot:
    return snapshot.read(ward.redis, ward.service, now=ward.now)


def histogram(count: int, bucket: int = 2) -> list[int]:
    return [count if n == bucket else 0 for n in range(BUCKETS)]


def beat(at: float, answers: dict[int, int], worker: str = "a", requests: int = 0) -> WorkerBeat:
    rows = {port: {"2": histogram(count)} for port, count in answers.items()}
    return WorkerBeat(worker, "here", 7, 0.0, at, 5, answers=rows, requests=requests)


def test_the_answers_of_all_workers_are_added_up():
    totals = totals_of([beat(1.0, {8000: 3, 8001: 1}), beat(1.0, {8000: 4}, "b")])
    assert {port: sum(row) for port, row in totals.items()} == {8000: 7, 8001: 1}
    assert {len(row) for row in totals.values()} == {BUCKETS}


def test_rates_are_known_from_the_second_look_on(ward):
    ward.start(8000, 8001)
    watcher, seen = Watcher(), look(ward)
    first = watcher.look(replace(seen, at=100.0, workers=[beat(100.0, {8000: 10}, requests=10)]))
    assert (first.rates[8000], first.total, first.workers["a"]) == (None, None, None)
    second = watcher.look(replace(seen, at=102.0, workers=[beat(102.0, {8000: 50}, requests=50)]))
    assert (second.rates[8000], second.rates[8001], second.total) == (20.0, 0.0, 20.0)
    assert second.workers["a"] == 20.0


def test_what_is_unknown_is_no_zero(ward):
    ward.start(8000)
    top = Watcher().look(replace(look(ward), workers=[beat(1.0, {})]))
    file = io.StringIO()
    Console(file=file, width=140).print(as_text(top))
    [row] = [line for line in file.getvalue().splitlines() if " 8000 " in line]
    assert row.split()[:6] == ["1", "8000", "True", row.split()[3], UNKNOWN, UNKNOWN]
    assert as_json(top)["containers"][0]["requests_per_second"] is None
