"""The proxy's own answers: JSON, complete, and honest about the connection."""

import json

import h11
import pytest

from lb.replies import error_reply


@pytest.mark.parametrize("status", [400, 403, 408, 413, 414, 431, 501, 502, 503, 504, 505])
def test_an_error_is_a_sentence_in_json(status: int) -> None:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(error_reply(status, "It is so.", retry_after=3 if status == 503 else 0))
    response, data, end = client.next_event(), client.next_event(), client.next_event()
    assert isinstance(response, h11.Response)
    assert isinstance(data, h11.Data)
    assert isinstance(end, h11.EndOfMessage)
    fields = dict(response.headers)
    assert response.status_code == status
    assert json.loads(bytes(data.data)) == {"error": "It is so."}
    assert fields[b"content-type"] == b"application/json"
    assert fields[b"connection"] == b"close"
    assert fields.get(b"retry-after") == (b"3" if status == 503 else None)


def test_an_answer_to_head_has_no_body_but_its_length() -> None:
    reply = error_reply(502, "No.", headless=True, keep=True)
    assert reply.endswith(b"\r\n\r\n")
    assert b"Content-Length: 17\r\n" in reply or b"Content-Length: " in reply
    assert b"Connection" not in reply


def test_an_error_tells_the_name_of_its_request_where_there_is_one() -> None:
    assert b"\r\nX-Request-ID: mine\r\n" in error_reply(502, "No.", request_id=b"mine")
    assert b"X-Request-ID" not in error_reply(400, "No.")
