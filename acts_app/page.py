"""What all pages share: rendering with the viewer at hand, asking for a log-in, and knowing the pages' own fetches."""

from typing import Any
from urllib.parse import quote, urlencode

from flask import Flask, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from acts_app import csrf, sessions
from acts_app.accounts_store import Account
from acts_app.answers import Refused
from acts_app.assets import asset_url
from acts_app.auth import challenge
from acts_app.icons import ICONS


def is_fetch() -> bool:
    """Whether one of our scripts asks, and wants a piece or JSON instead of a page."""
    return "X-Requested-With" in request.headers


def wants_page() -> bool:
    """Whether the answer, an error too, is for a person's eyes."""
    return not request.path.startswith("/api/") and not is_fetch() and "text/html" in request.headers.get("Accept", "")


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A page, or a piece of one. Never kept by shared caches: it may show who looks at it."""
    response = Response(render_template(template, **values), status, content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.update(("Cookie", "X-Requested-With"))
    return response


def logged_in() -> Account:
    """The viewer of a page that is for accounts only; strangers are sent to the log-in and come back."""
    viewer = sessions.viewer()
    if viewer is None:
        if wants_page():
            back = request.full_path.rstrip("?") if request.method == "GET" else local_path(request.referrer)
            raise Refused(303, "Please log in first.", {"Location": "/login?" + urlencode({"next": back})})
        raise Refused(401, "Please log in first.", challenge())
    return viewer


def changing() -> Account:
    """The viewer who changes something through a page: logged in, and coming from our own pages."""
    viewer = logged_in()
    csrf.check()
    return viewer


def local_path(url: str | None) -> str:
    """A path on this site that is safe to go to, taken from a URL or a path; "/" for everything else."""
    if not url:
        return "/"
    if url.startswith(request.host_url):
        url = url.removeprefix(request.host_url.rstrip("/"))
    # A second slash or a backslash makes browsers leave the site; a control character makes them skip it.
    safe = url.startswith("/") and not url.startswith(("//", "/\\")) and url.isprintable()
    return url if safe else "/"


def go(path: str) -> AnyResponse:
    """See the next page with GET."""
    return redirect(path, 303)


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def install(app: Flask) -> None:
    """What templates may call."""
    app.jinja_env.globals |= {
        "asset": asset_url,
        "icons": ICONS,
        "viewer": sessions.viewer,
        "token": sessions.token,
        "segment": segment,
    }
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
