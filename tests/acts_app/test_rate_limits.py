"""How often somebody may try."""

from typing import Any

import pytest

from acts_app.answers import Refused
from acts_app.rate_limits import RateLimits
from acts_app.store import Store


def test_right_log_ins_do_not_count(client: Any, store: Store) -> None:
    limits = RateLimits(store.client, "1 per hour")
    with client.application.test_request_context("/"):
        for _ in range(100):
            limits.check_login("ann")


def test_a_name_that_looks_like_another_limit_has_its_own(client: Any, store: Store) -> None:
    limits = RateLimits(store.client, "1 per hour")
    with client.application.test_request_context("/"):
        for _ in range(10):
            limits.wrong_login("ann")
        limits.check_login("ann/10")
        with pytest.raises(Refused) as refused:
            limits.check_login("ann")
    assert refused.value.status == 429
    assert 1 <= int(refused.value.headers["Retry-After"]) <= 300


def test_addresses_are_told_apart(client: Any, store: Store) -> None:
    limits = RateLimits(store.client, "1 per hour")
    with client.application.test_request_context("/", environ_base={"REMOTE_ADDR": "192.0.2.1"}):
        limits.signed_up()
        with pytest.raises(Refused):
            limits.check_signup()
    with client.application.test_request_context("/", environ_base={"REMOTE_ADDR": "192.0.2.2"}):
        limits.check_signup()
