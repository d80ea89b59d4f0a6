"""The budget of second tries: ten in ten seconds, or a fifth of the requests."""

import pytest

from lb.retry_budget import RetryBudget


def taken(budget: RetryBudget, requests: int) -> int:
    """How many tries are allowed in a row."""
    count = 0
    while budget.take(requests):
        count += 1
    return count


@pytest.mark.parametrize(("requests", "allowed"), [(0, 10), (40, 10), (50, 10), (100, 20), (1000, 200)])
def test_a_share_of_the_requests_but_at_least_ten(requests: int, allowed: int) -> None:
    assert taken(RetryBudget(0.2), requests) == allowed


def test_tries_are_forgotten_after_ten_seconds() -> None:
    budget = RetryBudget(0.2)
    assert taken(budget, 0) == 10
    for _ in range(9):
        budget.second_passed(0)
    assert taken(budget, 0) == 0
    budget.second_passed(0)
    assert taken(budget, 0) == 10


def test_old_requests_do_not_count() -> None:
    budget = RetryBudget(0.2)
    for _ in range(12):
        budget.second_passed(1000)
    assert taken(budget, 1000) == 10
    assert taken(budget, 1100) == 10
