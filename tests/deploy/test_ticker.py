import logging
import threading
from dataclasses import dataclass, field

import pytest

from deploy.ticker import Ticker, missed


@dataclass
class Bench:
    """A ticker in virtual time: waiting moves the clock."""

    clock: float = 100.0
    ticks: list[float] = field(default_factory=list)
    until: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float) -> bool:
        self.clock += seconds
        return False

    def ticker(self, period: float = 1.0) -> Ticker:
        return Ticker(period, clock=lambda: self.clock, now=lambda: self.clock + 5000, wait=self.wait)

    def run(self, ticker: Ticker, *durations: float) -> list[float]:
        """Run as many ticks as there are durations; each takes so long. Returns when they began."""
        left = list(durations)

        def tick(now: float) -> None:
            self.ticks.append(now - 5000)
            self.clock += left.pop(0)
            if not left:
                self.until.set()

        ticker.run(tick, self.until)
        return [round(tick, 3) for tick in self.ticks]


def test_ticks_come_at_once_and_then_every_period_however_long_they_take():
    bench = Bench()
    assert bench.run(bench.ticker(), 0, 0.3, 0.9, 0) == [100, 101, 102, 103]


def test_ticks_that_were_run_over_are_skipped_and_logged(caplog):
    bench = Bench()
    with caplog.at_level(logging.WARNING):
        assert bench.run(bench.ticker(), 0, 2.5, 0, 0) == [100, 101, 104, 105]
    assert "2 missed" in caplog.text


def test_a_tick_that_hurries_brings_the_next_one_forward():
    bench = Bench()
    ticker = bench.ticker()
    begun = []

    def tick(now: float) -> None:
        begun.append(round(now - 5000, 3))
        if len(begun) < 4:
            ticker.hurry(0.05)
        if len(begun) == 6:
            bench.until.set()

    ticker.run(tick, bench.until)
    assert begun == [100, 100.05, 100.1, 100.15, 101, 102]


def test_a_wake_brings_the_next_tick_now():
    until, woken = threading.Event(), threading.Event()
    ticker = Ticker(3600)
    ticks = []

    def tick(now: float) -> None:
        ticks.append(now)
        if len(ticks) == 2:
            until.set()
        woken.set()

    thread = threading.Thread(target=ticker.run, args=(tick, until))
    thread.start()
    assert woken.wait(5)
    ticker.wake()
    thread.join(5)
    assert len(ticks) == 2


def test_a_tick_that_fails_is_logged_and_the_next_one_comes(caplog):
    bench = Bench()
    ticker = bench.ticker()
    begun = []

    def tick(now: float) -> None:
        begun.append(now)
        if len(begun) == 2:
            bench.until.set()
        raise OSError("no luck")

    ticker.run(tick, bench.until)
    assert len(begun) == 2
    assert "no luck" in caplog.text


def test_it_ends_without_a_wake_when_it_is_told_to():
    until = threading.Event()
    thread = threading.Thread(target=Ticker(3600).run, args=(lambda now: None, until))
    thread.start()
    until.set()
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("due", "clock", "skipped"), [(10, 10, 0), (10, 10.9, 0), (10, 11, 1), (10, 13.5, 3), (10, 9.5, 0)]
)
def test_missed_ticks_are_the_whole_periods_that_passed(due, clock, skipped):
    assert missed(due, clock, 1.0) == skipped
