"""Images under URLs of their own, so that no page carries base64 and every cache can keep them."""

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from acts_app.acts_store import Act
from acts_app.answers import Refused
from acts_app.assets import asset_url
from acts_app.media_types import DOWNLOAD, media_type
from acts_app.parts import parts
from acts_app.thumbnails import thumbnail
from acts_app.validate import act_id_in_path

routes = Blueprint("images", __name__)
FOR_EVER = "public, max-age=31536000, immutable"  # with ?v=, which no other upload will ever have
A_WHILE = "public, max-age=300, stale-while-revalidate=86400"  # an id may be used again after its act is removed
NO_ID = "none"  # in place of an id that is no number: no act has it
NOTHING_RUNS = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@routes.get("/acts/<act_id:word>/image")
def image(word: str) -> AnyResponse:
    """The photo as it was uploaded."""
    found = parts().store.acts.with_image(act_id_in_path(word) or NO_ID)
    if found is None:
        raise Refused(404, "There is no such act.")
    act, data = found
    tag = version(act)
    kind = media_type(data)
    response = Response(data, content_type=kind or DOWNLOAD)
    if kind is None:
        response.headers["Content-Disposition"] = f'attachment; filename="act-{act.id[:40]}"'
    return finish(response, tag).make_conditional(request, accept_ranges=True, complete_length=len(data))


@routes.get("/acts/<act_id:word>/thumbnail")
def small(word: str) -> AnyResponse:
    """The small picture; a drawing of ours where none can be made."""
    act, data = parts().store.acts.with_thumbnail(act_id_in_path(word) or NO_ID)
    if act is None:
        raise Refused(404, "There is no such act.")
    tag = version(act) + "-small"
    if data is None:
        data = made(act)
    if not data:
        return redirect(asset_url("no-picture.svg"))
    return finish(Response(data, content_type="image/webp"), tag).make_conditional(
        request, accept_ranges=True, complete_length=len(data)
    )


def wanted(word: str) -> Act:
    """The act that the path names, or 404."""
    act_id = act_id_in_path(word)
    act = parts().store.acts.find(act_id) if act_id else None
    if act is None:
        raise Refused(404, "There is no such act.")
    return act


def made(act: Act) -> bytes:
    """Make the small picture and keep it for everybody."""
    found = parts().store.acts.with_image(act.id)
    data = thumbnail(found[1]) if found else b""
    parts().store.acts.keep_thumbnail(act, data)
    return data


def version(act: Act) -> str:
    """What changes when the same id is uploaded anew: the upload's sequence number."""
    return act.entry.partition(":")[0].lstrip("0")


def finish(response: Response, tag: str) -> Response:
    """What every image carries."""
    response.set_etag(tag)
    current = request.args.get("v") == tag.partition("-")[0]
    response.headers["Cache-Control"] = FOR_EVER if current else A_WHILE
    response.headers["Content-Security-Policy"] = NOTHING_RUNS
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
