"""What gunicorn refuses, as the application would say it."""

import json
from types import SimpleNamespace

import pytest

from acts_app.refusals import LONGEST_DETAIL, Draft, answer, origin_of, sentence

HERE, THERE = "https://app.example", "https://other.example"


def test_a_draft_keeps_what_is_written_and_is_the_connection_for_the_rest() -> None:
    draft = Draft(SimpleNamespace(fileno=lambda: 7))
    assert draft.status == 500
    draft.sendall(b"HTTP/1.1 417 Expectation Failed\r\n\r\n")
    assert (draft.status, draft.fileno(), draft.gettimeout()) == (417, 7, 0.0)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "The request is not well-formed: it is odd."),
        (431, "The head of the request is too large."),
        (500, "Something went wrong on our side."),
        (408, "Request Timeout."),
    ],
)
def test_each_status_has_a_sentence_and_only_a_wrong_form_is_quoted(status: int, words: str) -> None:
    assert sentence(status, Exception("it is odd")) == words


def test_what_is_quoted_has_a_bound() -> None:
    assert len(sentence(400, Exception("x" * 9000))) < LONGEST_DETAIL + 50


@pytest.mark.parametrize(
    ("origin", "origins", "allowed", "vary"),
    [
        (HERE, (HERE,), HERE, "Origin"),
        (THERE, (HERE,), None, "Origin"),
        (None, (HERE,), None, "Origin"),
        (None, ("*",), "*", None),
        (HERE, (), None, None),
    ],
)
def test_the_answer_says_what_any_other_answer_says_to_the_origin(
    origin: str | None, origins: tuple[str, ...], allowed: str | None, vary: str | None
) -> None:
    head, _, body = answer(400, "Non, jamais: été.", origin, origins).partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert json.loads(body) == {"error": "Non, jamais: été."}
    assert int(fields["Content-Length"]) == len(body)
    assert (fields.get("Access-Control-Allow-Origin"), fields.get("Vary")) == (allowed, vary)


def test_the_origin_is_known_where_the_head_was_read() -> None:
    assert origin_of(SimpleNamespace(headers=[("HOST", "a"), ("ORIGIN", HERE)])) == HERE
    assert origin_of(SimpleNamespace(headers=[])) is None
    assert origin_of(None) is None
