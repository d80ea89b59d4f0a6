"""Rows 1 to 3 of the protocol: sign up, remove an account, list the names."""

from flask import Blueprint, Response

from acts_app import auth, validate
from acts_app.answers import Refused, answer, done, nothing
from acts_app.body import read_body
from acts_app.parts import parts
from acts_app.passwords import make_record

routes = Blueprint("users", __name__, url_prefix="/api/v1/users")


@routes.post("")
def sign_up() -> Response:
    """Row 1."""
    name, sha1 = validate.user(validate.parse_json(read_body()))
    create_account(name, sha1)
    return done(201)


def create_account(name: str, sha1: str) -> None:
    """Sign somebody up, within the limits; 400 when the name is taken."""
    if not parts().settings.open_protocol:
        parts().limits.check_signup()
    if parts().store.accounts.find(name) or not parts().store.accounts.add(
        name, make_record(sha1, parts().settings.scrypt_cost)
    ):
        raise Refused(400, "That name is taken.")
    if not parts().settings.open_protocol:
        parts().limits.signed_up()


@routes.delete("/<name:username>")
def remove(username: str) -> Response:
    """Row 2."""
    caller = parts().gate.needed()
    outcome = parts().store.accounts.remove(username, auth.number(caller))
    auth.check(outcome, "There is no such user.", "That is somebody else's account.")
    return done()


@routes.get("")
def everybody() -> Response:
    """Row 3."""
    names = parts().store.accounts.names()
    return answer(names) if names else nothing()
