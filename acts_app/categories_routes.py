"""Rows 4 to 9 of the protocol: categories and the acts in them."""

from flask import Blueprint, Response, request

from acts_app import auth, validate
from acts_app.act_json import joined, streamed
from acts_app.acts_store import Listing
from acts_app.answers import JSON, Refused, answer, done, nothing, number, pieces
from acts_app.body import read_body
from acts_app.parts import parts

routes = Blueprint("categories", __name__, url_prefix="/api/v1/categories")
AT_ONCE = 1024 * 1024  # bytes of images that come with the list itself: copying them keeps the store busy for a moment
BATCH = 4 * 1024 * 1024  # bytes of images that an answer holds in memory while it is sent


@routes.get("")
def sizes() -> Response:
    """Row 4."""
    categories = parts().store.categories.sizes()
    return answer(categories) if categories else nothing()


@routes.post("")
def add() -> Response:
    """Row 5."""
    caller = parts().gate.needed()
    name = validate.category(validate.parse_json(read_body()))
    if not parts().store.categories.add(name, auth.number(caller)):
        raise Refused(400, "That category exists.")
    return done(201)


@routes.delete("/<name:category>")
def remove(category: str) -> Response:
    """Row 6."""
    caller = parts().gate.needed()
    outcome = parts().store.categories.remove(category, auth.number(caller))
    auth.check(outcome, "There is no such category.", "Only whoever added a category may remove it.")
    return done()


@routes.get("/<name:category>/acts")
def acts(category: str) -> Response:
    """Rows 7 and 8."""
    bounds = validate.bounds(request.args)
    store = parts().store.acts
    listing = store.stretch(category, *bounds, AT_ONCE) if bounds else store.whole(category, AT_ONCE)
    if listing is None:
        return nothing()
    check(listing, bounds)
    return listed(listing) if listing.acts else nothing()


def check(listing: Listing, bounds: tuple[int, int] | None) -> None:
    """Refuse what asks for too much, or for what is not there."""
    if bounds is None:
        validate.check_length(listing.size)
    else:
        validate.check_range(*bounds, listing.size)


def listed(listing: Listing) -> Response:
    """The acts with their images; made while it is sent when the images are many and big."""
    if listing.images:
        return Response(joined(listing.acts, listing.images), content_type=JSON)
    store = parts().store.acts
    batches = ((batch, store.images(batch)) for batch in store.batches(listing.acts, BATCH))
    return pieces(streamed(batches))


@routes.get("/<name:category>/acts/size")
def size(category: str) -> Response:
    """Row 9."""
    found = parts().store.categories.size(category)
    if found is None:
        raise Refused(400, "There is no such category.")
    return number(found)
