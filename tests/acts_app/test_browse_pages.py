"""Looking at categories and acts."""

from typing import Any

import pytest
from acts_samples import API, act

FETCH = {"X-Requested-With": "fetch"}


def test_the_first_page_under_50_kb_without_images_in_it(stocked: Any) -> None:
    for n in range(30):
        stocked.post(f"{API}/acts", json=act(n, caption="word " * 40, imgB64="QUJD" * 1000))
    for path in ("/", "/categories/trees"):
        page = stocked.get(path)
        assert len(page.data) < 50_000
        assert "base64" not in page.text
        assert "QUJD" not in page.text


def test_pieces_lead_from_one_to_the_next_until_the_end(stocked: Any) -> None:
    for n in range(30):
        stocked.post(f"{API}/acts", json=act(n))
    older, lengths = "", []
    while older is not None:
        piece = stocked.get("/categories/trees", query_string={"before": older}, headers=FETCH)
        lengths.append(piece.text.count("<article"))
        older = piece.headers.get("X-Older")
    assert lengths == [12, 12, 6]


@pytest.mark.parametrize("before", ["x", "1~2", "-1~0000000000000001:1", "9" * 500, "1~" + "0" * 16 + ":1\n", "\x00"])
def test_nonsense_for_a_place_begins_at_the_top(stocked: Any, before: str) -> None:
    stocked.post(f"{API}/acts", json=act(5))
    assert "/acts/5" in stocked.get("/categories/trees", query_string={"before": before}).text


def test_captions_and_categories_are_escaped(stocked: Any) -> None:
    evil = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
    stocked.post(f"{API}/categories", json=[evil])
    stocked.post(f"{API}/acts", json=act(5, caption=evil, categoryName=evil))
    for path in ("/", "/acts/5"):
        page = stocked.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_an_act_tells_how_to_share_it(stocked: Any) -> None:
    stocked.post(f"{API}/acts", json=act(5))
    page = stocked.get("/acts/5", headers={"X-Forwarded-Host": "acts.example", "X-Forwarded-Proto": "https"}).text
    assert 'property="og:url" content="https://acts.example/acts/5"' in page
    assert 'content="https://acts.example/acts/5/thumbnail?v=' in page


@pytest.mark.parametrize("path", ["/categories/none", "/acts/9", "/acts/x"])
def test_what_is_not_there_is_404(client: Any, path: str) -> None:
    assert client.get(path).status_code == 404


def test_an_act_of_the_year_1_and_one_of_the_year_9999_are_shown(stocked: Any) -> None:
    stocked.post(f"{API}/acts", json=act(1, timestamp="01-01-0001:00-00-00"))
    stocked.post(f"{API}/acts", json=act(2, timestamp="31-12-9999:59-59-23"))
    page = stocked.get("/categories/trees").text
    assert "1 Jan 1<" in page
    assert "31 Dec 9999<" in page


@pytest.mark.parametrize(
    ("name", "code", "location"),
    [
        ("trees", 303, "/categories/trees"),
        ("  a   b ", 303, "/categories/a%20b"),
        ("a/b", 303, "/categories/a%2Fb"),
        ("", 400, None),
        ("x" * 61, 400, None),
        ("..", 400, None),
    ],
)
def test_a_category_is_added_from_its_form(visitor: Any, name: str, code: int, location: str | None) -> None:
    got = visitor.post("/categories", data={"name": name})
    assert (got.status_code, got.headers.get("Location")) == (code, location)


def test_many_categories_do_not_make_a_heavy_page(client: Any) -> None:
    for n in range(200):
        client.post(f"{API}/categories", json=[f"category {n}"])
    page = client.get("/")
    assert page.text.count('class="tile"') == 24
    assert len(page.data) < 50_000
