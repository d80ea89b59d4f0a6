"""Reading bodies."""

import io
import json
from typing import Any

from acts_samples import API


def test_a_body_beyond_the_limit_is_413_in_words(make_client: Any) -> None:
    got = make_client(max_upload=1000).post(f"{API}/categories", data=json.dumps(["x" * 2000]))
    assert (got.status_code, list(got.json)) == (413, ["error"])


def test_a_body_without_a_length_beyond_the_limit_is_413_too(make_client: Any) -> None:
    client = make_client(max_upload=1000)
    unlimited = {"wsgi.input": io.BytesIO(b"x" * 2000), "wsgi.input_terminated": True}
    got = client.post(f"{API}/categories", environ_overrides=unlimited)
    assert (got.status_code, list(got.json)) == (413, ["error"])
