"""How often somebody may try: wrong log-ins and sign-ups, counted in the store over all containers."""

import time

from flask import request
from limits import RateLimitItem, parse
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from acts_app.answers import Refused
from acts_app.store_connection import Client

WRONG_FOR_ACCOUNT = parse("10 per 5 minutes")
WRONG_FROM_ADDRESS = parse("50 per 5 minutes")  # several people behind one router mistype now and then
PREFIX = "store:limits"


def address() -> str:
    """The client's own address, as the proxy in front of this container tells it."""
    return request.remote_addr or "unknown"


class RateLimits:
    """Counts in the store. Only what went wrong counts for log-ins, only what went well for sign-ups."""

    def __init__(self, client: Client, signups: str) -> None:
        storage = RedisStorage("redis://", connection_pool=client.connection_pool, key_prefix=PREFIX)
        self._windows = MovingWindowRateLimiter(storage)
        self._signups = parse(signups)

    def check_login(self, name: str) -> None:
        """Refuse (429) when the account or the address has had too many wrong passwords."""
        self._check(WRONG_FOR_ACCOUNT, "account", name)
        self._check(WRONG_FROM_ADDRESS, "address", address())

    def wrong_login(self, name: str) -> None:
        """Count a wrong password."""
        self._windows.hit(WRONG_FOR_ACCOUNT, "account", name)
        self._windows.hit(WRONG_FROM_ADDRESS, "address", address())

    def check_signup(self) -> None:
        """Refuse (429) when the address has signed up too many accounts."""
        self._check(self._signups, "signup", address())

    def signed_up(self) -> None:
        """Count a new account."""
        self._windows.hit(self._signups, "signup", address())

    def _check(self, limit: RateLimitItem, *who: str) -> None:
        if self._windows.test(limit, *who):
            return
        wait = max(1, round(self._windows.get_window_stats(limit, *who).reset_time - time.time()))
        raise Refused(429, f"Too many tries: please wait {wait} seconds.", {"Retry-After": str(wait)})
