"""Sharing an act through the form."""

import io
import re
from typing import Any

import pytest
from acts_samples import API
from PIL import Image

FETCH = {"X-Requested-With": "fetch", "Accept": "application/json"}


def picture() -> bytes:
    """A small PNG."""
    out = io.BytesIO()
    Image.new("RGB", (32, 24), "teal").save(out, "PNG")
    return out.getvalue()


def share(client: Any, photo: bytes | None = None, headers: dict[str, str] | None = None, **form: str) -> Any:
    """Send the form."""
    fields: dict[str, Any] = {"caption": "planted", "category": "", "new_category": "trees"} | form
    fields["photo"] = (io.BytesIO(picture() if photo is None else photo), "photo.png")
    return client.post("/upload", data=fields, headers=headers)


def test_an_act_is_kept_with_its_photo_and_its_new_category(visitor: Any) -> None:
    got = share(visitor, when="2026-11-23T18:30:59")
    assert re.fullmatch(r"/acts/\d{13}", got.headers["Location"])
    (kept,) = visitor.get(f"{API}/categories/trees/acts").json
    assert (kept["username"], kept["timestamp"], kept["upvotes"]) == ("ann", "23-11-2026:59-30-18", 0)
    assert visitor.get(got.headers["Location"] + "/image").data == picture()


def test_a_script_is_told_where_the_act_is(visitor: Any) -> None:
    got = share(visitor, headers=FETCH)
    assert (got.status_code, list(got.json)) == (201, ["location"])


def test_acts_of_the_same_millisecond_get_different_numbers(visitor: Any) -> None:
    assert len({share(visitor).headers["Location"] for _ in range(20)}) == 20


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"photo": b""}, "choose a photo"),
        ({"photo": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}, "not a picture"),
        ({"caption": "x" * 501}, "500 characters"),
        ({"category": "gone"}, "removed in the meantime"),
        ({"new_category": ""}, "a name"),
        ({"new_category": "x" * 61}, "60 characters"),
    ],
)
def test_what_does_not_do_is_told_and_keeps_what_was_typed(visitor: Any, change: dict[str, Any], sentence: str) -> None:
    page = share(visitor, **change)
    assert (page.status_code, sentence in page.text) == (400, True)
    assert change.get("caption", "planted") in page.text
    program = share(visitor, headers=FETCH, **change)
    assert (program.status_code, sentence in program.json["error"]) == (400, True)


@pytest.mark.parametrize("when", ["", "yesterday", "2026-13-01T00:00:00", "0000-00-00T00:00:00"])
def test_a_moment_that_is_none_becomes_now(visitor: Any, when: str) -> None:
    assert share(visitor, when=when).status_code == 303


def test_too_large_a_photo_is_413_in_words(make_client: Any) -> None:
    client = make_client(max_upload=5000)
    client.environ_base |= {"HTTP_ORIGIN": "http://localhost"}
    client.post("/signup", data={"username": "ann", "password": "correct horse"})
    got = share(client, picture() + bytes(5000), headers=FETCH)
    assert (got.status_code, list(got.json)) == (413, ["error"])
