"""Who is logged in to the pages: a signed cookie with the account's name and number, good in every container."""

import secrets
from datetime import timedelta
from typing import Any

from flask import Flask, g, request, session
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from acts_app.accounts_store import Account
from acts_app.parts import parts

LIFETIME = timedelta(days=30)  # people open a photo site on their phone now and then, and hate to log in there


class AnyClock(TimestampSigner):
    """Believes a signature that is dated in the future: the container that made it has a clock ahead of ours.

    By itself the library would not, and who has just logged in would be a stranger to the containers of other machines.
    """

    def unsign(self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False) -> Any:
        """As the library's, but only one that is too old has expired."""
        value, dated = super().unsign(signed_value, None, True)
        age = self.timestamp_to_datetime(self.get_timestamp()) - dated
        if max_age is not None and age > timedelta(seconds=max_age):
            raise SignatureExpired(f"{age} old", payload=value, date_signed=dated)
        return (value, dated) if return_timestamp else value


class SecureBehindTls(SecureCookieSessionInterface):
    """Marks the cookie Secure exactly when the person came by HTTPS, which the proxy tells."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Flask's own, for containers whose clocks differ."""
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = AnyClock
        return serializer

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - Flask calls it so
        """Whether this request came by HTTPS."""
        return request.is_secure


def install(app: Flask, secret: str) -> None:
    """Give the application its sessions."""
    app.secret_key = secret
    app.session_interface = SecureBehindTls()
    app.config["SESSION_COOKIE_NAME"] = "selfieless"
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["PERMANENT_SESSION_LIFETIME"] = LIFETIME


def remember(account: Account) -> None:
    """Log in. Everything that the cookie held before is forgotten, its token too."""
    session.clear()
    session.permanent = True
    session["name"], session["number"] = account.name, account.number
    session["token"] = secrets.token_urlsafe(16)


def forget() -> None:
    """Log out."""
    session.clear()
    g.viewer = None


def viewer() -> Account | None:
    """The account that looks at the page; None for strangers, and for accounts that are gone since."""
    if "viewer" not in g:
        g.viewer = known_account()
    account: Account | None = g.viewer
    return account


def known_account() -> Account | None:
    """The cookie's account, if the store still has it under the same number."""
    if "name" not in session:
        return None
    account = parts().store.accounts.find(session["name"])
    return account if account and account.number == session.get("number") else None


def token() -> str:
    """The token that this browser's forms carry; made when the first form is shown."""
    if "token" not in session:
        session["token"] = secrets.token_urlsafe(16)
    return str(session["token"])
