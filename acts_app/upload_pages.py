"""Sharing an act: the form, and what it sends."""

import time
from datetime import datetime
from typing import NoReturn

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from acts_app import sessions, validate
from acts_app.accounts_store import Account
from acts_app.answers import Refused, answer
from acts_app.browse_pages import category_name
from acts_app.media_types import media_type
from acts_app.page import changing, go, is_fetch, logged_in, page, wants_page
from acts_app.parts import parts
from acts_app.validate import NewAct, seconds_of, timestamp_at

routes = Blueprint("upload", __name__)
CAPTION_LENGTH = 500  # characters in the pages; the protocol knows no limit
OTHER = ""  # the category of the form that means "the new one below"


@routes.get("/upload")
def form() -> Response:
    """The form, with the category that the person came from."""
    logged_in()
    return show(request.args.get("category", ""))


def show(category: str, caption: str = "", problem: str = "", status: int = 200) -> Response:
    """The form with what was typed."""
    names = sorted(parts().store.categories.sizes(), key=str.casefold)
    most = parts().settings.max_upload
    return page(
        "upload.html", status, names=names, category=category, caption=caption, problem=problem, most_bytes=most
    )


@routes.post("/upload")
def upload() -> AnyResponse:
    """Keep the act and show it."""
    viewer = changing()
    try:
        act_id = keep(new_act(viewer), viewer)
    except Refused as refused:
        if not wants_page():
            raise
        form = request.form
        return show(form.get("category", ""), form.get("caption", ""), refused.sentence, refused.status)
    return answer({"location": f"/acts/{act_id}"}, 201) if is_fetch() else go(f"/acts/{act_id}")


def new_act(viewer: Account) -> NewAct:
    """The act that the form describes."""
    photo = request.files.get("photo")
    image = photo.read() if photo else b""
    if not image:
        refuse("Please choose a photo.")
    if media_type(image) is None:
        refuse("That file is not a picture that browsers can show: use JPEG, PNG, WebP, AVIF or GIF.")
    caption = validate.text(request.form.get("caption", "").strip(), "The caption")
    if len(caption) > CAPTION_LENGTH:
        refuse(f"A caption has at most {CAPTION_LENGTH} characters.")
    timestamp = timestamp_at(happened(request.form.get("when", "")))
    return NewAct("", viewer.name, timestamp, seconds_of(timestamp), caption, chosen_category(viewer), image)


def chosen_category(viewer: Account) -> str:
    """The category chosen, or a new one that is made on the way."""
    name = request.form.get("category", OTHER)
    if name != OTHER:
        return validate.text(name, "The category")
    name = category_name(request.form.get("new_category", ""))
    parts().store.categories.add(name, viewer.number)
    return name


def happened(when: str) -> datetime:
    """The moment on the person's own clock, which the script sends along; else this container's."""
    try:
        return datetime.fromisoformat(when).replace(tzinfo=None, microsecond=0)
    except ValueError:
        return datetime.now().astimezone().replace(tzinfo=None, microsecond=0)


def keep(act: NewAct, viewer: Account) -> str:
    """Store the act under the first free number from this millisecond on."""
    number = time.time_ns() // 1_000_000
    outcome = "taken"
    while outcome == "taken":
        numbered = NewAct(**(vars(act) | {"act_id": str(number)}))
        outcome = parts().store.acts.add(numbered, viewer.number)
        number += 1
    if outcome == "no category":
        refuse("That category was removed in the meantime.")
    if outcome == "no user":
        sessions.forget()
        refuse("Your account was removed in the meantime.")
    return numbered.act_id


def refuse(sentence: str) -> NoReturn:
    """400 in words."""
    raise Refused(400, sentence)
