"""What gunicorn refuses before the application hears of it: told as the application tells its own errors.

gunicorn decides the status and writes to its logs; only the page that it would send is replaced. Where a request came
from is not known when its head could not be read: then only an application that is open to all origins (`*`) says so.
"""

from http import HTTPStatus
from typing import Any

from acts_app import cors
from acts_app.answers import JSON, compact
from acts_app.security_headers import FOR_DATA

NOT_WELL_FORMED = "The request is not well-formed"
LONGEST_DETAIL = 200  # characters of what is wrong, which quotes the request
SENTENCES = {
    403: "This is not allowed from there.",
    414: "The address of the request is too long.",
    417: "No expectation but 100-continue can be met.",
    431: "The head of the request is too large.",
    500: "Something went wrong on our side.",
    501: "This transfer coding is not known here.",
}


class Draft:
    """A connection into which an answer is written that is not to be sent; for the rest it is the real one."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._written = b""

    def gettimeout(self) -> float:
        """Writing into it never waits."""
        return 0.0

    def sendall(self, data: bytes) -> None:
        """Keep it."""
        self._written += data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @property
    def status(self) -> int:
        """The status of the answer; 500 where there is none."""
        words = self._written.split(b" ", 2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 500


def sentence(status: int, cause: Exception) -> str:
    """Why a request is refused, for who has sent it; what is wrong with its form is quoted."""
    if status == HTTPStatus.BAD_REQUEST:
        return f"{NOT_WELL_FORMED}: {str(cause)[:LONGEST_DETAIL]}."
    return SENTENCES.get(status, f"{HTTPStatus(status).phrase}.")


def answer(status: int, told: str, origin: str | None, origins: tuple[str, ...]) -> bytes:
    """The whole answer; the connection is closed behind it. `origin` is None where it is not known."""
    body = compact({"error": told}).encode()
    headers = {"Connection": "close", "Content-Type": JSON, "Content-Length": str(len(body))}
    headers |= FOR_DATA | cors.headers_for(origin, origins)
    if origins and "*" not in origins:
        headers["Vary"] = "Origin"
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def origin_of(request: Any) -> str | None:
    """The Origin of a request as gunicorn has parsed it, None if it got that far with none."""
    headers = getattr(request, "headers", None) or []
    return next((value for name, value in headers if name == "ORIGIN"), None)
