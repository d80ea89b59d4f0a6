"""Rows 10 to 13 of the protocol: upload, remove, upvote and count acts."""

from typing import NoReturn

from flask import Blueprint, Response

from acts_app import auth, validate
from acts_app.answers import Refused, done, number
from acts_app.body import read_body
from acts_app.parts import parts

routes = Blueprint("acts", __name__, url_prefix="/api/v1/acts")
SENTENCES = {
    "taken": "That actId is taken.",
    "no user": "There is no such user.",
    "no category": "There is no such category.",
}


@routes.post("")
def upload() -> Response:
    """Row 10."""
    caller = parts().gate.needed()
    act = validate.act(validate.parse_json(read_body()))
    if caller and caller.name != act.username:
        check_user(act.username)
        raise Refused(403, "Acts can only be uploaded in one's own name.")
    outcome = parts().store.acts.add(act, auth.number(caller))
    if outcome != "added":
        raise Refused(400, SENTENCES[outcome])
    return done(201)


def check_user(name: str) -> None:
    """Nobody's name is 400, whoever asks."""
    if parts().store.accounts.find(name) is None:
        raise Refused(400, SENTENCES["no user"])


@routes.delete("/<act_id:word>")
def remove(word: str) -> Response:
    """Row 11."""
    caller = parts().gate.needed()
    act_id = validate.act_id_in_path(word)
    if act_id is None:
        no_such_act()
    outcome = parts().store.acts.remove(act_id, auth.number(caller))
    auth.check(outcome, "There is no such act.", "That is somebody else's act.")
    return done()


@routes.post("/upvote")
def upvote() -> Response:
    """Row 12."""
    parts().gate.needed()
    act_id = validate.upvoted(validate.parse_json(read_body()))
    if not parts().store.acts.upvote(act_id):
        no_such_act()
    return done()


@routes.get("/count")
def count() -> Response:
    """Row 13."""
    return number(parts().store.acts.count())


def no_such_act() -> NoReturn:
    """400, as the protocol has it."""
    raise Refused(400, "There is no such act.")
