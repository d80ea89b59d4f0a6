"""Signing up, logging in and out, and leaving for good."""

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from acts_app import csrf, sessions
from acts_app.accounts_store import Account
from acts_app.answers import Refused
from acts_app.page import changing, go, local_path, logged_in, page, wants_page
from acts_app.parts import parts
from acts_app.passwords import sha1_of
from acts_app.users_routes import create_account

routes = Blueprint("account", __name__)
SHORTEST = 8  # characters of a password, by NIST SP 800-63B
NAME_LENGTH = 40  # characters of a name that is chosen in the pages; the protocol knows no limit


@routes.get("/login")
def login_form() -> AnyResponse:
    """The form; who is logged in already goes on."""
    if sessions.viewer():
        return go(local_path(request.args.get("next")))
    return page("login.html", next=local_path(request.args.get("next")))


@routes.post("/login")
def log_in() -> AnyResponse:
    """Check name and password and remember the account in the session."""
    csrf.check()
    name, onward = request.form.get("username", "").strip(), local_path(request.form.get("next"))
    try:
        account = parts().gate.log_in(name, request.form.get("password", ""))
        if account is None:
            raise Refused(401, "That name and password do not fit.", {"WWW-Authenticate": "Session"})
    except Refused as refused:
        return again("login.html", refused, name=name, next=onward)
    sessions.remember(account)
    return go(onward)


@routes.get("/signup")
def signup_form() -> AnyResponse:
    """The form; who is logged in already goes on."""
    if sessions.viewer():
        return go(local_path(request.args.get("next")))
    return page("signup.html", next=local_path(request.args.get("next")))


@routes.post("/signup")
def sign_up() -> AnyResponse:
    """Make an account and log in to it."""
    csrf.check()
    name, onward = " ".join(request.form.get("username", "").split()), local_path(request.form.get("next"))
    try:
        check_choice(name, request.form.get("password", ""))
        create_account(name, sha1_of(request.form["password"]))
    except Refused as refused:
        return again("signup.html", refused, name=name, next=onward)
    sessions.remember(account_of(name))
    return go(onward)


def account_of(name: str) -> Account:
    """The account that was made a moment ago."""
    account = parts().store.accounts.find(name)
    if account is None:
        raise Refused(409, "That account was removed in the same moment.")
    return account


def check_choice(name: str, password: str) -> None:
    """Refuse names and passwords that their owner would regret."""
    if not name or name in {".", ".."} or ":" in name or not name.isprintable():
        raise Refused(400, "Please choose a name without a colon.")
    if len(name) > NAME_LENGTH:
        raise Refused(400, f"A name has at most {NAME_LENGTH} characters.")
    if len(password) < SHORTEST:
        raise Refused(400, f"A password needs at least {SHORTEST} characters.")


def again(template: str, refused: Refused, **values: str) -> AnyResponse:
    """The form once more with what was wrong; programs get the refusal itself."""
    if not wants_page():
        raise refused
    response = page(template, refused.status, problem=refused.sentence, **values)
    response.headers.update({name: value for name, value in refused.headers.items() if name == "Retry-After"})
    return response


@routes.post("/logout")
def log_out() -> AnyResponse:
    """Forget the session."""
    csrf.check()
    sessions.forget()
    return go("/")


@routes.get("/account")
def account() -> Response:
    """One's own account, and the way out."""
    return page("account.html", account=logged_in())


@routes.post("/account/remove")
def remove() -> AnyResponse:
    """Remove one's account, after typing the password again; the acts stay."""
    viewer = changing()
    try:
        if parts().gate.log_in(viewer.name, request.form.get("password", "")) is None:
            raise Refused(401, "That is not your password.", {"WWW-Authenticate": "Session"})
    except Refused as refused:
        return again("account.html", refused, name=viewer.name)
    parts().store.accounts.remove(viewer.name, viewer.number)
    sessions.forget()
    return go("/?left=1")
