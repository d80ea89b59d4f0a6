import pytest

from lb.counters import BOUNDS_MS
from monitor.dashboard.rates import Rates, quantile


def histogram(**numbers: int) -> list[int]:
    """A histogram; `ms10=3` puts three into the bucket up to 10 ms, `over=1` one above all."""
    named = {f"ms{bound}": 0 for bound in BOUNDS_MS} | {"over": 0} | numbers
    return list(named.values())


def test_the_rate_is_what_came_in_the_last_seconds() -> None:
    rates = Rates()
    for second in range(20):
        rates.add(second, {8000: histogram(ms10=30 * second), 8001: histogram(ms5=7)})
    assert (rates.per_second(8000), rates.per_second(8001)) == (30.0, 0.0)


def test_what_nobody_measured_yet_is_unknown() -> None:
    rates = Rates()
    assert (rates.per_second(8000), rates.p99(8000)) == (None, None)
    rates.add(0.0, {8000: histogram(ms10=5)})
    rates.add(0.5, {8000: histogram(ms10=9)})
    assert rates.per_second(8000) is None


def test_counters_that_fall_begin_anew_and_are_no_negative_rate() -> None:
    rates = Rates()
    for second, number in enumerate([100, 110, 120, 3, 5]):
        rates.add(second, {8000: histogram(ms10=number)})
    assert rates.per_second(8000) == 2.0


def test_p99_looks_at_the_last_minute_alone() -> None:
    rates = Rates()
    for second in range(200):
        rates.add(second, {8000: histogram(ms10=10 * second, ms1000=min(second, 20) * 10)})
    assert rates.p99(8000) == pytest.approx(5 + 5 * 0.99)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (histogram(), None),
        (histogram(ms1=100), 0.99),
        (histogram(ms10=98, ms50=2), 35.0),
        (histogram(over=1), 30000.0),
    ],
)
def test_a_quantile_lies_within_its_bucket(given, expected) -> None:
    found = quantile(0.99, given)
    assert found == (expected if expected is None else pytest.approx(expected))
