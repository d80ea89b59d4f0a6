"""Looking: the front page, a category, one act; and adding a category."""

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from acts_app import sessions
from acts_app.answers import Refused
from acts_app.feed import Feed, cards, feed
from acts_app.image_routes import wanted
from acts_app.page import changing, go, is_fetch, page, segment
from acts_app.parts import parts

routes = Blueprint("browse", __name__)
TILES = 24  # categories shown with a picture; the others are a list of names below
NAME_LENGTH = 60  # characters of a category that is added in the pages; the protocol knows no limit


@routes.get("/")
def front() -> Response:
    """Categories, and the newest acts of all."""
    acts = feed(parts().store, "", request.args.get("before"), sessions.viewer())
    if is_fetch():
        return piece(acts)
    sizes = parts().store.categories.sizes()
    biggest = sorted(sizes, key=lambda name: -sizes[name])
    covers = parts().store.acts.newest(biggest[:TILES])
    return page(
        "front.html", sizes=sizes, tiles=biggest[:TILES], others=biggest[TILES:], covers=covers, feed=acts, path="/"
    )


@routes.get("/categories/<name:category>")
def category_page(category: str) -> Response:
    """The acts of one category."""
    acts = feed(parts().store, category, request.args.get("before"), sessions.viewer())
    if acts is None:
        raise Refused(404, "There is no such category.")
    if is_fetch():
        return piece(acts)
    return page("category.html", category=category, feed=acts, path=f"/categories/{segment(category)}")


def piece(acts: Feed | None) -> Response:
    """The next cards alone, and in a header where those after them begin."""
    response = page("_cards.html", cards=acts.cards if acts else [])
    if acts and acts.older:
        response.headers["X-Older"] = acts.older
    return response


@routes.get("/acts/<act_id:word>")
def act_page(word: str) -> Response:
    """One act, to look at and to share."""
    act = wanted(word)
    return page("act.html", card=cards(parts().store, [act], sessions.viewer())[0])


@routes.post("/categories")
def add_category() -> AnyResponse:
    """Add a category from a page's form."""
    viewer = changing()
    name = category_name(request.form.get("name", ""))
    parts().store.categories.add(name, viewer.number)
    return go(f"/categories/{segment(name)}")


def category_name(words: str) -> str:
    """A name as people type it: without blanks around it, and short enough for a tile."""
    name = " ".join(words.split())
    if not name:
        raise Refused(400, "Please give the category a name.")
    if len(name) > NAME_LENGTH or name in {".", ".."}:
        raise Refused(400, f"A category's name has at most {NAME_LENGTH} characters.")
    return name
