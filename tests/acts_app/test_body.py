"""Reading bodies."""

import io
import json
from typing import Any

import pytest
from acts_samples import API

from acts_app.answers import Refused
from acts_app.body import BodyReader


def test_a_body_beyond_the_limit_is_413_in_words(make_client: Any) -> None:
    got = make_client(max_upload=1000).post(f"{API}/categories", data=json.dumps(["x" * 2000]))
    assert (got.status_code, list(got.json)) == (413, ["error"])


def test_a_body_without_a_length_beyond_the_limit_is_413_too(make_client: Any) -> None:
    client = make_client(max_upload=1000)
    unlimited = {"wsgi.input": io.BytesIO(b"x" * 2000), "wsgi.input_terminated": True}
    got = client.post(f"{API}/categories", environ_overrides=unlimited)
    assert (got.status_code, list(got.json)) == (413, ["error"])


def test_more_uploads_than_there_is_room_for_are_told_to_come_back() -> None:
    reader = BodyReader(1)
    with reader.turn(), pytest.raises(Refused) as refused, reader.turn():
        pass
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "2")
    with reader.turn():
        pass
