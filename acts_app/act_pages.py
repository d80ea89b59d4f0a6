"""What the buttons on an act do: upvote it once, or remove it."""

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from acts_app.accounts_store import Account
from acts_app.acts_store import Act
from acts_app.answers import Refused, answer
from acts_app.feed import owns
from acts_app.image_routes import wanted
from acts_app.page import changing, go, is_fetch, local_path, logged_in, page, segment
from acts_app.parts import parts

routes = Blueprint("act", __name__)


@routes.post("/acts/<act_id:word>/upvote")
def upvote(word: str) -> AnyResponse:
    """Upvote, or take it back; saying it twice changes nothing."""
    viewer = changing()
    wish = request.form.get("wanted", "1") == "1"
    votes = parts().store.acts.upvote_once(wanted(word).id, viewer.number, wish)
    if votes is None:
        raise Refused(404, "There is no such act.")
    return answer({"upvotes": votes, "voted": wish}) if is_fetch() else go(local_path(request.referrer))


@routes.get("/acts/<act_id:word>/remove")
def ask(word: str) -> Response:
    """Is that meant? For browsers without scripts; the others ask in a dialog."""
    return page("remove.html", act=own(word, logged_in()))


@routes.post("/acts/<act_id:word>/remove")
def remove(word: str) -> AnyResponse:
    """Remove one's own act."""
    viewer = changing()
    act = own(word, viewer)
    parts().store.acts.remove(act.id, act.account and viewer.number)
    return answer({}) if is_fetch() else go(f"/categories/{segment(act.category)}")


def own(word: str, viewer: Account) -> Act:
    """The viewer's own act that the path names."""
    act = wanted(word)
    if not owns(viewer, act):
        raise Refused(403, "That is somebody else's act.")
    return act
