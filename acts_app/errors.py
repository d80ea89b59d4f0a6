"""Everything that can go wrong, as one JSON sentence with the right code."""

import errno
import logging

import redis
from flask import Flask, Response, current_app, g, has_request_context, request
from werkzeug.exceptions import HTTPException

from acts_app.answers import Refused, error
from acts_app.page import page, wants_page
from acts_app.store_connection import is_full, is_unwritable

LOG = logging.getLogger(__name__)
SENTENCES = {
    400: "The request is not well-formed.",
    404: "There is nothing at this address.",
    405: "This address does not know that method.",
    413: "That is too large to upload.",
    500: "Something went wrong on our side.",
}
FULL = "The store is full: nothing new can be kept until there is room again."
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def tell(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """The sentence, as a page where a person asked for one, else as JSON. 401 and 429 are always JSON."""
    if status in (401, 429) or not has_request_context() or not wants_page():
        return error(status, sentence, headers)
    # The head of the page asks no store who is looking: the store may be what is broken.
    response = page("error.html", status, code=status, sentence=sentence, viewer_known=False)
    response.headers.update(headers or {})
    return response


def refused(problem: Refused) -> Response:
    """What a route refused on purpose."""
    return tell(problem.status, problem.sentence, problem.headers)


def from_http(problem: HTTPException) -> Response:
    """What Flask and Werkzeug refuse: unknown path, wrong method, too long a body."""
    status = problem.code or 500
    kept = {name: value for name, value in problem.get_headers() if name in ("Allow", "Retry-After", "Location")}
    return tell(status, SENTENCES.get(status, problem.name + "."), kept)


def from_store(problem: redis.RedisError) -> Response:
    """The store does not answer (503), is full (507) or was asked something wrong (500)."""
    if is_full(problem):
        return tell(507, FULL)
    if isinstance(problem, redis.TimeoutError):
        return soon("The store did not answer in time. A change may have happened: look before sending it again.")
    if isinstance(problem, redis.ConnectionError):
        return look_again() if may_look_again() else soon("The store cannot be reached.")
    if is_unwritable(problem):
        return soon("The store takes no changes at the moment.")
    return unexpected(problem)


def may_look_again() -> bool:
    """Whether the request only looks, and has not been tried a second time: the store was lost under its first try."""
    return has_request_context() and request.method in ("GET", "HEAD") and "looked_again" not in g


def look_again() -> Response:
    """Answer a request that only looks from the beginning; connecting waits for a store that is started again."""
    g.looked_again = True
    try:
        return current_app.make_response(current_app.dispatch_request())
    except Exception as problem:
        return current_app.make_response(current_app.handle_user_exception(problem))


def soon(sentence: str) -> Response:
    """503, and when to come back."""
    LOG.warning("%s", sentence)
    return tell(503, sentence, {"Retry-After": "1"})


def from_disk(problem: OSError) -> Response:
    """A disk that is full, as with an upload too large for memory (507), or a fault of ours (500)."""
    if problem.errno in NO_ROOM:
        LOG.warning("%s", problem)
        return tell(507, FULL)
    return unexpected(problem)


def unexpected(problem: Exception) -> Response:
    """A fault of ours: logged whole, told briefly."""
    LOG.error("unexpected", exc_info=problem)
    return tell(500, SENTENCES[500])


def install(app: Flask) -> None:
    """Give the application its error handlers."""
    app.register_error_handler(Refused, refused)
    app.register_error_handler(HTTPException, from_http)
    app.register_error_handler(redis.RedisError, from_store)
    app.register_error_handler(OSError, from_disk)
    app.register_error_handler(Exception, unexpected)
