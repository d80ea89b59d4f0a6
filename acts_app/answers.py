"""The few shapes that an answer of the protocol can have, and the one exception that carries a refusal."""

import json
from collections.abc import Iterable
from typing import Any

from flask import Response

JSON = "application/json"


class Refused(Exception):
    """The request cannot be served; `status` is the HTTP code and `sentence` tells the person why."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers or {}


def compact(value: Any) -> str:
    """JSON without spaces, text as it is (UTF-8)."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(compact(value), status, headers, content_type=JSON)


def done(status: int = 200) -> Response:
    """Success without anything to tell."""
    return Response("{}", status, content_type=JSON)


def number(digits: str | int) -> Response:
    """`[n]`, of any length: the digits are never turned into a machine number."""
    return Response(f"[{digits}]", content_type=JSON)


def nothing() -> Response:
    """204: there is nothing in the list."""
    return Response(status=204)


def pieces(parts: Iterable[bytes]) -> Response:
    """A JSON answer that is made while it is sent, because the whole might not fit into memory."""
    return Response(parts, content_type=JSON)


def error(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """`{"error": "a sentence"}`."""
    return answer({"error": sentence}, status, headers)
