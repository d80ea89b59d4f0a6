"""Encoded slashes through the routing."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acts_app.raw_paths import Name, kept_path


def through(name: str) -> str:
    """A name as a client encodes it, after both halves of the decoding."""
    path = kept_path("/" + quote(name, safe="")) or ""
    decoded = path.removeprefix("/").encode("latin-1").decode()
    assert "/" not in decoded
    return Name.to_python(None, decoded)  # type: ignore[arg-type]


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_every_name_comes_out_as_it_went_in(name: str) -> None:
    assert through(name) == name


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a%2Fb", "/a%2Fb"),
        ("/a%2fb?x=%2F", "/a%2fb"),
        ("/a%20b#c", "/a b"),
        ("/a%25", "/a%25"),
        ("/a%zz", "/a%zz"),
        ("/%C3%A9", "/Ã©"),
        ("http://host/a", None),
        ("*", None),
    ],
)
def test_a_target_is_decoded_but_for_the_two(target: str, path: str | None) -> None:
    assert kept_path(target) == path
