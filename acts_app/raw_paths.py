"""Names with a slash in them: keep `%2F` apart from `/` until the route is found.

WSGI hands over a decoded path, in which the two are the same. The target as it was sent is decoded here again, all but
`%2F` and `%25`; the `name` converter decodes those two once the path is split.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from werkzeug.routing import BaseConverter

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KEPT = re.compile(r"%(2[fF]|25)")


class Name(BaseConverter):
    """One path segment that may carry an encoded slash."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """Decode what KeepSlashes left."""
        return value.replace("%2F", "/").replace("%2f", "/").replace("%25", "%")

    def to_url(self, value: str) -> str:
        """Encode the slash too."""
        return super().to_url(value).replace("/", "%2F")


class ActId(BaseConverter):
    """The segment of an act; the two routes beside it are none, whatever the method."""

    regex = "(?!(?:upvote|count)$)[^/]+"


def kept_path(target: str) -> str | None:
    """The path of a request target, decoded but for `%2F` and `%25`, in WSGI's latin-1; None for other forms."""
    if not target.startswith("/"):
        return None
    path = target.partition("?")[0].partition("#")[0]
    return unquote_to_bytes(KEPT.sub(r"%25\1", path).encode("latin-1")).decode("latin-1")


class KeepSlashes:
    """WSGI middleware around an application whose routes use the `name` converter."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = kept_path(environ.get("RAW_URI") or environ["PATH_INFO"])
        if path is not None:
            environ["PATH_INFO"] = path
        return self._app(environ, start_response)
