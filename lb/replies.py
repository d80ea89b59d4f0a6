"""The answers that the proxy makes itself: errors, as JSON, whatever the client accepts. Pure."""

import json
from http import HTTPStatus

JSON_TYPE = b"Content-Type: application/json\r\n"


class Refusal(Exception):
    """A request that we do not forward: the status to answer with and one sentence that says why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def reason_phrase(status: int) -> str:
    """The usual words for a status."""
    return HTTPStatus(status).phrase


def error_reply(  # noqa: PLR0913 - one for each thing that may be said
    status: int,
    sentence: str,
    *,
    keep: bool = False,
    headless: bool = False,
    retry_after: int = 0,
    request_id: bytes = b"",
) -> bytes:
    """The bytes of an error answer; with `headless` (an answer to HEAD) all of it but the body.

    `keep` false says Connection: close. `retry_after` is in seconds; 0 leaves the field out, as no `request_id` does.
    """
    body = json.dumps({"error": sentence}).encode() + b"\n"
    head = [
        f"HTTP/1.1 {status} {reason_phrase(status)}\r\n".encode(),
        JSON_TYPE,
        f"Content-Length: {len(body)}\r\n".encode(),
    ]
    if retry_after:
        head.append(f"Retry-After: {retry_after}\r\n".encode())
    if request_id:
        head.append(b"X-Request-ID: %b\r\n" % request_id)
    if not keep:
        head.append(b"Connection: close\r\n")
    return b"".join([*head, b"\r\n", b"" if headless else body])
