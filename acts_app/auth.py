"""Who is asking, and may they: HTTP Basic (password or its SHA-1) or the session of the web pages.

With ACTS_AUTH=off nobody is asked, and every change is done in the name of ANYBODY.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import request

from acts_app.accounts_store import ANYBODY, Account, AccountsStore
from acts_app.answers import Refused
from acts_app.passwords import VerifiedBefore, candidates, fits, make_record
from acts_app.rate_limits import RateLimits
from acts_app.settings import ActsSettings


@dataclass(frozen=True)
class Sessions:
    """How the pages' sessions take part: whose it is, and a check (403) that our own pages sent the request."""

    account: Callable[[], Account | None]
    check_origin: Callable[[], None]


class Gatekeeper:
    """Turns a request into the account that makes it."""

    def __init__(self, settings: ActsSettings, accounts: AccountsStore, limits: RateLimits, sessions: Sessions) -> None:
        self._open_protocol = settings.open_protocol
        self._accounts = accounts
        self._limits = limits
        self._sessions = sessions
        self._verified = VerifiedBefore()
        # Checked when there is no such account, so that the answer takes as long as for one that exists.
        self._nobodys_record = make_record("0" * 40, settings.scrypt_cost)

    def needed(self) -> Account | None:
        """The account that a change needs; None only where everybody may do everything. 401 for strangers."""
        if self._open_protocol:
            return None
        basic = request.authorization
        if basic is not None and basic.type == "basic":
            return self._by_basic(basic.username or "", basic.password or "")
        return self._by_session()

    def _by_basic(self, name: str, password: str) -> Account:
        account = self.log_in(name, password)
        if account is None:
            raise Refused(401, "That name and password do not fit.", challenge())
        return account

    def _by_session(self) -> Account:
        account = self._sessions.account()
        if account is None:
            raise Refused(401, "Please log in first.", challenge())
        self._sessions.check_origin()  # a browser sends its cookie whoever made it send the request
        return account

    def log_in(self, name: str, password: str) -> Account | None:
        """The account that name and password belong to; 429 after too many wrong ones."""
        found = self._accounts.credentials(name)
        record = found[1] if found else self._nobodys_record
        if found and self._verified.knows(name, password, record, time.monotonic()):
            return found[0]
        self._limits.check_login(name)
        right = any([fits(sha1, record) for sha1 in candidates(password)])
        if found and right:
            self._verified.remember(name, password, record, time.monotonic())
            return found[0]
        self._limits.wrong_login(name)
        return None


def challenge() -> dict[str, str]:
    """What 401 asks for. The pages' own fetches get a scheme that makes no browser open a dialog."""
    if "X-Requested-With" in request.headers:
        return {"WWW-Authenticate": "Session"}
    return {"WWW-Authenticate": 'Basic realm="SelfieLessActs", charset="UTF-8"'}


def number(account: Account | None) -> str:
    """The account as the store's scripts take it."""
    return account.number if account else ANYBODY


def check(outcome: int, missing: str, foreign: str) -> None:
    """Turn a removal's outcome into the answer: 1 is fine, 0 is 400, -1 is 403."""
    if outcome == 0:
        raise Refused(400, missing)
    if outcome == -1:
        raise Refused(403, foreign)
