"""Every row of the REST protocol as a table, against the real application and a real Redis."""

from typing import Any

import pytest
from acts_samples import API, SHA1, act, send, user
from flask.testing import FlaskClient

A, B = "A" * 40, "f" * 40


# method, path, body, code, answer (None: not looked at). Each row begins with ann, trees, and act 1 in it.
ROWS: list[tuple[str, str, Any, int, Any]] = [
    # 1: sign up
    ("POST", "/users", user("bob"), 201, {}),
    ("POST", "/users", user("bob", A), 201, {}),
    ("POST", "/users", user("bob") | {"more": 1}, 201, {}),
    ("POST", "/users", user("Ann"), 201, {}),
    ("POST", "/users", user("o'Neill / 木 \U0001f333"), 201, {}),
    ("POST", "/users", user("x" * 100_000), 201, {}),
    ("POST", "/users", user(), 400, None),
    ("POST", "/users", user("bob", SHA1[:-1]), 400, None),
    ("POST", "/users", user("bob", SHA1 + "a"), 400, None),
    ("POST", "/users", user("bob", SHA1 + "\n"), 400, None),
    ("POST", "/users", user("bob", "g" * 40), 400, None),
    ("POST", "/users", {"username": "bob", "password": 10**39}, 400, None),
    ("POST", "/users", {"username": 5, "password": A}, 400, None),
    ("POST", "/users", {"username": None, "password": A}, 400, None),
    ("POST", "/users", {"username": "", "password": A}, 400, None),
    ("POST", "/users", {"username": "\ud83c", "password": A}, 400, None),
    ("POST", "/users", {"username": "bob"}, 400, None),
    ("POST", "/users", {"password": A}, 400, None),
    ("POST", "/users", [user("bob")], 400, None),
    ("POST", "/users", "bob", 400, None),
    ("POST", "/users", None, 400, None),
    ("POST", "/users", b"{", 400, None),
    ("POST", "/users", b"[" * 100_000, 400, None),
    ("POST", "/users", b'{"username": NaN}', 400, None),
    ("POST", "/users", b"\xff\xfe\xff", 400, None),
    ("POST", "/users", b'{"username": "bob", "password": ' + b"1" * 10_000 + b"}", 400, None),
    # 2: remove a user
    ("DELETE", "/users/ann", None, 200, {}),
    ("DELETE", "/users/Ann", None, 400, None),
    ("DELETE", "/users/nobody", None, 400, None),
    ("DELETE", "/users/a%2Fb", None, 400, None),
    ("GET", "/users/ann", None, 405, None),
    ("DELETE", "/users/", None, 404, None),
    # 3: list users
    ("GET", "/users", None, 200, ["ann"]),
    ("PUT", "/users", None, 405, None),
    ("DELETE", "/users", None, 405, None),
    # 4: list categories
    ("GET", "/categories", None, 200, {"trees": 1}),
    # 5: add a category
    ("POST", "/categories", ["water"], 201, {}),
    ("POST", "/categories", ["Trees"], 201, {}),
    ("POST", "/categories", ["a/b?c#d%20e\u202e"], 201, {}),
    ("POST", "/categories", ["trees"], 400, None),
    ("POST", "/categories", [], 400, None),
    ("POST", "/categories", ["a", "b"], 400, None),
    ("POST", "/categories", [5], 400, None),
    ("POST", "/categories", [""], 400, None),
    ("POST", "/categories", [["a"]], 400, None),
    ("POST", "/categories", {"name": "a"}, 400, None),
    ("POST", "/categories", "water", 400, None),
    ("POST", "/categories", None, 400, None),
    ("DELETE", "/categories", None, 405, None),
    # 6: remove a category
    ("DELETE", "/categories/trees", None, 200, {}),
    ("DELETE", "/categories/water", None, 400, None),
    ("GET", "/categories/trees", None, 405, None),
    # 7: its acts
    ("GET", "/categories/trees/acts", None, 200, None),
    ("GET", "/categories/water/acts", None, 204, None),
    ("POST", "/categories/trees/acts", None, 405, None),
    ("DELETE", "/categories/trees/acts", None, 405, None),
    # 8: a range of them
    ("GET", "/categories/trees/acts?start=1&end=1", None, 200, None),
    ("GET", "/categories/trees/acts?start=0&end=1", None, 400, None),
    ("GET", "/categories/trees/acts?start=1&end=0", None, 400, None),
    ("GET", "/categories/trees/acts?start=-1&end=1", None, 400, None),
    ("GET", "/categories/trees/acts?start=1&end=2", None, 400, None),
    ("GET", "/categories/trees/acts?start=2&end=1", None, 400, None),
    ("GET", "/categories/trees/acts?start=1&end=500", None, 400, None),
    ("GET", "/categories/trees/acts?start=1", None, 400, None),
    ("GET", "/categories/trees/acts?end=1", None, 400, None),
    ("GET", "/categories/trees/acts?start=&end=", None, 400, None),
    ("GET", "/categories/trees/acts?start=a&end=1", None, 400, None),
    ("GET", "/categories/trees/acts?start=1.0&end=1", None, 400, None),
    ("GET", "/categories/trees/acts?start=%D9%A1&end=1", None, 400, None),
    ("GET", "/categories/trees/acts?start=1&end=" + "9" * 5000, None, 400, None),
    ("GET", "/categories/water/acts?start=1&end=1", None, 204, None),
    # 9: how many
    ("GET", "/categories/trees/acts/size", None, 200, [1]),
    ("GET", "/categories/water/acts/size", None, 400, None),
    ("POST", "/categories/trees/acts/size", None, 405, None),
    # 10: upload
    ("POST", "/acts", act(2), 201, {}),
    ("POST", "/acts", act(0), 201, {}),
    ("POST", "/acts", act(1763923859123456789), 201, {}),
    ("POST", "/acts", act(2, more=[1, {}]), 201, {}),
    ("POST", "/acts", act(2, caption=""), 201, {}),
    ("POST", "/acts", act(2, caption="x" * 1_000_000), 201, {}),
    ("POST", "/acts", act(2, imgB64=""), 201, {}),
    ("POST", "/acts", act(2, timestamp="29-02-2024:00-00-00"), 201, {}),
    ("POST", "/acts", act(2, timestamp="31-12-9999:59-59-23"), 201, {}),
    ("POST", "/acts", act(2, timestamp="01-01-0001:00-00-00"), 201, {}),
    ("POST", "/acts", act(), 400, None),
    ("POST", "/acts", act("2"), 400, None),
    ("POST", "/acts", act(-1), 400, None),
    ("POST", "/acts", act(1.5), 400, None),
    ("POST", "/acts", act(2.0), 400, None),
    ("POST", "/acts", act(True), 400, None),
    ("POST", "/acts", act(None), 400, None),
    ("POST", "/acts", act([2]), 400, None),
    ("POST", "/acts", act(2, username="nobody"), 400, None),
    ("POST", "/acts", act(2, username=5), 400, None),
    ("POST", "/acts", act(2, categoryName="water"), 400, None),
    ("POST", "/acts", act(2, categoryName=["trees"]), 400, None),
    ("POST", "/acts", act(2, caption=None), 400, None),
    ("POST", "/acts", act(2, caption="\udc00"), 400, None),
    ("POST", "/acts", act(2, timestamp="29-02-2023:00-00-00"), 400, None),
    ("POST", "/acts", act(2, timestamp="23-11-2026:60-30-18"), 400, None),
    ("POST", "/acts", act(2, timestamp="23-11-2026:18-30-59"), 400, None),
    ("POST", "/acts", act(2, timestamp="23-11-2026:00-00-24"), 400, None),
    ("POST", "/acts", act(2, timestamp="3-11-2026:00-00-00"), 400, None),
    ("POST", "/acts", act(2, timestamp="01-01-0000:00-00-00"), 400, None),
    ("POST", "/acts", act(2, timestamp="23-11-2026:59-30-18\n"), 400, None),
    ("POST", "/acts", act(2, timestamp="2026-11-23T18:30:59"), 400, None),
    ("POST", "/acts", act(2, timestamp=0), 400, None),
    ("POST", "/acts", act(2, imgB64="QUJ"), 400, None),
    ("POST", "/acts", act(2, imgB64="QUJD\n"), 400, None),
    ("POST", "/acts", act(2, imgB64="QU JD"), 400, None),
    ("POST", "/acts", act(2, imgB64="QU-_"), 400, None),
    ("POST", "/acts", act(2, imgB64="QUJD="), 400, None),
    ("POST", "/acts", act(2, imgB64="é"), 400, None),
    ("POST", "/acts", act(2, imgB64="data:image/png;base64,QUJD"), 400, None),
    ("POST", "/acts", act(2, imgB64=None), 400, None),
    ("POST", "/acts", act(2, upvotes=0), 400, None),
    ("POST", "/acts", act(2, upvotes=None), 400, None),
    ("POST", "/acts", act(2, upvotes=""), 400, None),
    *[("POST", "/acts", {name: value for name, value in act(2).items() if name != gone}, 400, None) for gone in act()],
    ("POST", "/acts", [], 400, None),
    ("POST", "/acts", None, 400, None),
    ("GET", "/acts", None, 405, None),
    ("DELETE", "/acts", None, 405, None),
    # 11: remove
    ("DELETE", "/acts/1", None, 200, {}),
    ("DELETE", "/acts/2", None, 400, None),
    ("DELETE", "/acts/-1", None, 400, None),
    ("DELETE", "/acts/one", None, 400, None),
    ("DELETE", "/acts/" + "9" * 5000, None, 400, None),
    ("GET", "/acts/1", None, 405, None),
    ("GET", "/acts/2", None, 405, None),
    ("POST", "/acts/1", None, 405, None),
    ("POST", "/acts/2", None, 405, None),
    # 12: upvote
    ("POST", "/acts/upvote", [1], 200, {}),
    ("POST", "/acts/upvote", ["1"], 200, {}),
    ("POST", "/acts/upvote", [2], 400, None),
    ("POST", "/acts/upvote", [-1], 400, None),
    ("POST", "/acts/upvote", [True], 400, None),
    ("POST", "/acts/upvote", [1.0], 400, None),
    ("POST", "/acts/upvote", ["one"], 400, None),
    ("POST", "/acts/upvote", [1, 1], 400, None),
    ("POST", "/acts/upvote", [], 400, None),
    ("POST", "/acts/upvote", [None], 400, None),
    ("POST", "/acts/upvote", {"actId": 1}, 400, None),
    ("POST", "/acts/upvote", 1, 400, None),
    ("POST", "/acts/upvote", None, 400, None),
    ("DELETE", "/acts/upvote", None, 405, None),
    ("GET", "/acts/upvote", None, 405, None),
    # 13: count
    ("GET", "/acts/count", None, 200, [1]),
    ("DELETE", "/acts/count", None, 405, None),
    ("POST", "/acts/count", None, 405, None),
    # 14 to 17: the service itself. Three requests came before.
    ("GET", "/_count", None, 200, [3]),
    ("DELETE", "/_count", None, 200, {}),
    ("POST", "/_count", None, 405, None),
    ("GET", "/_health", None, 200, {}),
    ("POST", "/_health", None, 405, None),
    ("POST", "/_crash", None, 200, {}),
    ("GET", "/_crash", None, 405, None),
    # what is not there
    ("GET", "/", None, 404, None),
    ("GET", "/nothing", None, 404, None),
    ("GET", "/users/ann/acts", None, 404, None),
    ("GET", "/users/", None, 404, None),
    ("GET", "//users", None, 404, None),
    ("GET", "/categories/trees/acts/", None, 404, None),
]


@pytest.mark.parametrize(("method", "path", "body", "code", "wanted"), ROWS)
def test_a_row_of_the_protocol_holds(
    *, stocked: FlaskClient, method: str, path: str, body: Any, code: int, wanted: Any
) -> None:
    assert send(stocked, "POST", "/acts", act()).status_code == 201
    got = send(stocked, method, path, body)
    assert got.status_code == code, got.text
    if wanted is not None:
        assert got.json == wanted
    if code == 204:
        assert got.data == b""
    if code >= 400:
        assert list(got.json) == ["error"]
        assert got.json["error"].endswith(".")
    if code == 405:
        assert got.headers["Allow"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_any_content_type_is_accepted(client: FlaskClient, content_type: str) -> None:
    got = client.post(f"{API}/categories", data=b'["trees"]', headers={"Content-Type": content_type})
    assert got.status_code == 201
